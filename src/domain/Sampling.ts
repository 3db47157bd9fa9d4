/** Content of sampling messages, including tool calls (MCP 2025-11-25). */
import { Schema } from "effect"
import { Audio, Block, Image, Text } from "./Content.ts"

const Data = Schema.Record(Schema.String, Schema.Unknown)
const meta = { _meta: Schema.optionalKey(Data) }

/** A tool call requested by the model. */
export const ToolUse = Schema.Struct({
  type: Schema.Literal("tool_use"),
  id: Schema.String,
  name: Schema.String,
  input: Data,
  ...meta
})
/** The result of the tool call whose `ToolUse.id` is `toolUseId`. */
export const ToolResult = Schema.Struct({
  type: Schema.Literal("tool_result"),
  toolUseId: Schema.String,
  content: Schema.Array(Block),
  structuredContent: Schema.optionalKey(Schema.Unknown),
  isError: Schema.optionalKey(Schema.Boolean),
  ...meta
})

export const SamplingBlock = Schema.Union([Text, Image, Audio, ToolUse, ToolResult])
export type SamplingBlock = typeof SamplingBlock.Type
