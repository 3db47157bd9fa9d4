/** Results of tools, prompts and resources: content blocks and the objects around them, for every MCP revision. */
import { Schema } from "effect"
import type { JsonObject } from "./JsonObject.ts"

/** MCP 2025-06-18, `Annotations`: intended audience, priority from 0 to 1, last modification (ISO 8601). */
export const Annotations = Schema.Struct({
  audience: Schema.optionalKey(Schema.Array(Schema.Literals(["user", "assistant"]))),
  priority: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  lastModified: Schema.optionalKey(Schema.String)
})

/** `_meta` is passed through unchanged: upstream servers and MCP extensions put their own data there. */
const meta = { _meta: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)) }
const shared = { annotations: Schema.optionalKey(Annotations), ...meta }

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
  text: Schema.String,
  ...meta
})
/** `blob` is base64. */
export const BlobResource = Schema.Struct({
  uri: Schema.String,
  mimeType: Schema.optionalKey(Schema.String),
  blob: Schema.String,
  ...meta
})
export const ResourceContents = Schema.Union([TextResource, BlobResource])
export type ResourceContents = typeof ResourceContents.Type
export const Embedded = Schema.Struct({
  type: Schema.Literal("resource"),
  resource: ResourceContents,
  ...shared
})
/** Picture of an entry: `src` is an https or data URI. MCP 2025-11-25, `Icon`. */
export const Icon = Schema.Struct({
  src: Schema.String,
  mimeType: Schema.optionalKey(Schema.String),
  sizes: Schema.optionalKey(Schema.Array(Schema.String)),
  theme: Schema.optionalKey(Schema.Literals(["light", "dark"]))
})
export type Icon = typeof Icon.Type

/** `size` in bytes. */
export const Link = Schema.Struct({
  type: Schema.Literal("resource_link"),
  uri: Schema.String,
  name: Schema.String,
  title: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  mimeType: Schema.optionalKey(Schema.String),
  size: Schema.optionalKey(Schema.Int),
  icons: Schema.optionalKey(Schema.Array(Icon)),
  ...shared
})

export const Block = Schema.Union([Text, Image, Audio, Embedded, Link])
export type Block = typeof Block.Type

export const PromptMessage = Schema.Struct({ role: Schema.Literals(["user", "assistant"]), content: Block })
export type PromptMessage = typeof PromptMessage.Type

/** Success schema of tools whose result is content blocks instead of data. */
export const Blocks = Schema.Array(Block).annotate({ identifier: "Blocks" })

export const text = (value: string): typeof Text.Type => ({ type: "text", text: value })

/** Result of a tool that succeeded. */
export interface ToolOutput {
  readonly content: ReadonlyArray<Block>
  /** The same result as data, described by the tool's output schema: any JSON value (MCP 2026-07-28). */
  readonly structured?: unknown
  /** `_meta` of the result. */
  readonly meta?: JsonObject
}

/** Result of `prompts/get`. */
export interface PromptOutput {
  readonly description?: string
  readonly messages: ReadonlyArray<PromptMessage>
  readonly meta?: JsonObject
}

/** Result of `resources/read`. */
export interface ReadOutput {
  readonly contents: ReadonlyArray<ResourceContents>
  readonly meta?: JsonObject
  /** How long the contents are valid, in milliseconds, if their server says so (MCP 2026-07-28, `ttlMs`). */
  readonly lifetime?: number
}
