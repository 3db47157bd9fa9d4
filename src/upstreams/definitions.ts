/** Definitions and results of upstream servers, decoded: a malformed one is rejected instead of reaching a client. */
import { Effect, Equal, Option, Schema } from "effect"
import { Failed } from "../catalog/CatalogError.ts"
import type { RawOutput } from "../catalog/rawTool.ts"
import { Annotations, Icon, type PromptOutput, type ReadOutput } from "../domain/Content.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import type { Lists } from "./lists.ts"
import { ttlOf } from "./ttlOf.ts"

const text = Schema.optionalKey(Schema.String)
const JsonObjectSchema = Schema.Record(Schema.String, Schema.Unknown)
const common = {
  name: Schema.String,
  title: text,
  description: text,
  icons: Schema.optionalKey(Schema.Array(Icon)),
  _meta: Schema.optionalKey(JsonObjectSchema)
}
const flag = Schema.optionalKey(Schema.Boolean)

const Tool = Schema.Struct({
  ...common,
  inputSchema: JsonObjectSchema,
  outputSchema: Schema.optionalKey(JsonObjectSchema),
  annotations: Schema.optionalKey(
    Schema.Struct({
      title: text,
      readOnlyHint: flag,
      destructiveHint: flag,
      idempotentHint: flag,
      openWorldHint: flag
    })
  )
})
const Prompt = Schema.Struct({
  ...common,
  arguments: Schema.optionalKey(
    Schema.Array(Schema.Struct({ name: Schema.String, title: text, description: text, required: flag }))
  )
})
const readable = { ...common, mimeType: text, annotations: Schema.optionalKey(Annotations) }
const Resource = Schema.Struct({
  ...readable,
  uri: Schema.String,
  size: Schema.optionalKey(Schema.Int)
})
const Template = Schema.Struct({ ...readable, uriTemplate: Schema.String })

export type ToolDefinition = typeof Tool.Type
export type PromptDefinition = typeof Prompt.Type
export type ResourceDefinition = typeof Resource.Type
export type TemplateDefinition = typeof Template.Type

/** Of a definition as the server lists it; none if it is malformed. */
export const decodeTool = Schema.decodeUnknownOption(Tool)
export const decodePrompt = Schema.decodeUnknownOption(Prompt)
export const decodeResource = Schema.decodeUnknownOption(Resource)
export const decodeTemplate = Schema.decodeUnknownOption(Template)
export interface Decoders {
  readonly tools: (item: JsonObject) => Option.Option<ToolDefinition>
  readonly prompts: (item: JsonObject) => Option.Option<PromptDefinition>
  readonly resources: (item: JsonObject) => Option.Option<ResourceDefinition>
  readonly templates: (item: JsonObject) => Option.Option<TemplateDefinition>
}
export const decoders: Decoders = {
  tools: decodeTool,
  prompts: decodePrompt,
  resources: decodeResource,
  templates: decodeTemplate
}

/** Only omits fields that MCP does not define, in a twentieth of the time: for definitions that `canPick` accepted. */
const pickerOf = <D>({ fields }: { readonly fields: object }) => {
  const names = Object.keys(fields)
  return (item: JsonObject): Option.Option<D> => {
    const definition: Record<string, unknown> = {}
    for (const name of names) if (Object.hasOwn(item, name)) definition[name] = item[name]
    // `canPick` found that it equals the decoded definition.
    return Option.some(definition as D)
  }
}
export const pickers: Decoders = {
  tools: pickerOf<ToolDefinition>(Tool),
  prompts: pickerOf<PromptDefinition>(Prompt),
  resources: pickerOf<ResourceDefinition>(Resource),
  templates: pickerOf<TemplateDefinition>(Template)
}

/** Whether the pickers have the same results as the decoders. */
export const canPick = (lists: Lists): boolean =>
  (["tools", "prompts", "resources", "templates"] as const).every((kind) =>
    lists[kind].every((item) => Equal.equals(decoders[kind](item), pickers[kind](item)))
  )

const hasTexts = (value: JsonObject, ...fields: ReadonlyArray<string>) =>
  fields.every((field) => typeof value[field] === "string")

/** Checks the fields of a block that every reader relies on; the others are passed on unchecked. */
const isBlock = (block: unknown): boolean => {
  if (!isObject(block)) return false
  switch (block.type) {
    case "text":
      return typeof block.text === "string"
    case "image":
    case "audio":
      return hasTexts(block, "data", "mimeType")
    case "resource":
      return isObject(block.resource) && hasTexts(block.resource, "uri")
    case "resource_link":
      return hasTexts(block, "uri", "name")
    default:
      return false
  }
}
// A schema of these checks takes a tenth of the time that forwarding a call takes.
const isContent = (content: unknown) => Array.isArray(content) && content.every(isBlock)
const isMessages = (messages: unknown) =>
  Array.isArray(messages) &&
  messages.every(
    (each) => isObject(each) && (each.role === "user" || each.role === "assistant") && isBlock(each.content)
  )
const isContents = (contents: unknown) =>
  Array.isArray(contents) &&
  contents.every(
    (each) =>
      isObject(each) && hasTexts(each, "uri") && (hasTexts(each, "text") || typeof each.blob === "string")
  )

const malformed = (name: string, field: string) =>
  Effect.fail(
    new Failed({
      name,
      detail: `The upstream server's result is malformed: ${field} is not as MCP defines it.`,
      reason: "UpstreamError"
    })
  )

const metaOf = ({ _meta }: JsonObject) => (isObject(_meta) ? { meta: _meta } : {})

/** The result of `tools/call`. */
export const toToolOutput = (name: string, result: JsonObject): Effect.Effect<RawOutput, Failed> => {
  const { content = [], isError, structuredContent } = result
  if (!isContent(content)) return malformed(name, "content")
  // The type requires more of optional fields than was checked; they are only passed on.
  const checked = content as RawOutput["content"]
  // Most results have only content.
  if (structuredContent === undefined && isError !== true && result._meta === undefined) {
    return Effect.succeed({ content: checked })
  }
  return Effect.succeed({
    content: checked,
    ...(structuredContent !== undefined && { structured: structuredContent }),
    ...(isError === true && { isError }),
    ...metaOf(result)
  })
}

/** The result of `prompts/get`. */
export const toPromptOutput = (name: string, result: JsonObject): Effect.Effect<PromptOutput, Failed> => {
  const { description, messages } = result
  if (!isMessages(messages)) return malformed(name, "messages")
  return Effect.succeed({
    ...(typeof description === "string" && { description }),
    // As above.
    messages: messages as PromptOutput["messages"],
    ...metaOf(result)
  })
}

/** The result of `resources/read`. */
export const toReadOutput = (name: string, result: JsonObject): Effect.Effect<ReadOutput, Failed> => {
  const { contents } = result
  if (!isContents(contents)) return malformed(name, "contents")
  // As above.
  const lifetime = ttlOf(result)
  return Effect.succeed({
    contents: contents as ReadOutput["contents"],
    ...metaOf(result),
    ...(lifetime !== undefined && { lifetime })
  })
}
