/** What tools, prompts and resources answer with, independent of a protocol revision. */
import { Schema } from "effect"

/** Who a block is for, how important it is (0–1), when it last changed (ISO 8601). MCP 2025-06-18, `Annotations`. */
export const Annotations = Schema.Struct({
  audience: Schema.optionalKey(Schema.Array(Schema.Literals(["user", "assistant"]))),
  priority: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  lastModified: Schema.optionalKey(Schema.String)
})

const shared = { annotations: Schema.optionalKey(Annotations) }

export const Text = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String, ...shared })
/** `data` is base64. */
export const Image = Schema.Struct({
  type: Schema.Literal("image"),
  data: Schema.String,
  mimeType: Schema.String,
  ...shared
})
/** `data` is base64. */
export const Audio = Schema.Struct({
  type: Schema.Literal("audio"),
  data: Schema.String,
  mimeType: Schema.String,
  ...shared
})
export const TextResource = Schema.Struct({
  uri: Schema.String,
  mimeType: Schema.optionalKey(Schema.String),
  text: Schema.String
})
/** `blob` is base64. */
export const BlobResource = Schema.Struct({
  uri: Schema.String,
  mimeType: Schema.optionalKey(Schema.String),
  blob: Schema.String
})
export const ResourceContents = Schema.Union([TextResource, BlobResource])
export type ResourceContents = typeof ResourceContents.Type
export const Embedded = Schema.Struct({
  type: Schema.Literal("resource"),
  resource: ResourceContents,
  ...shared
})
/** `size` in bytes. */
export const Link = Schema.Struct({
  type: Schema.Literal("resource_link"),
  uri: Schema.String,
  name: Schema.String,
  title: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  mimeType: Schema.optionalKey(Schema.String),
  size: Schema.optionalKey(Schema.Int),
  ...shared
})

export const Block = Schema.Union([Text, Image, Audio, Embedded, Link])
export type Block = typeof Block.Type

export const PromptMessage = Schema.Struct({ role: Schema.Literals(["user", "assistant"]), content: Block })
export type PromptMessage = typeof PromptMessage.Type

/** A tool's success schema for answers that are blocks rather than data. */
export const Blocks = Schema.Array(Block).annotate({ identifier: "Blocks" })

export const text = (value: string): typeof Text.Type => ({ type: "text", text: value })

/** What a picture of an entry is: `src` is an https or data URI. MCP 2025-11-25, `Icon`. */
export interface Icon {
  readonly src: string
  readonly mimeType?: string
  readonly sizes?: ReadonlyArray<string>
  readonly theme?: "light" | "dark"
}
