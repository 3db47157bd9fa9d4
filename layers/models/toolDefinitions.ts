/** Definitions of tools as providers get them; a JSON Schema is made once per tool. */
import * as Tool from "effect/ai/Tool"
import { estimateTokens } from "../ledger/estimateTokens.ts"
import type { TextRequest } from "./Adapter.ts"

type AnyTool = TextRequest["tools"][number]
type Schema = ReturnType<typeof Tool.getJsonSchema>

const schemas = new WeakMap<AnyTool, Schema>()
const sizes = new WeakMap<AnyTool, Size>()

/** The JSON Schema of a tool's parameters. */
export const schemaOf = (tool: AnyTool): Schema => {
  let schema = schemas.get(tool)
  if (schema === undefined) schemas.set(tool, (schema = Tool.getJsonSchema(tool)))
  return schema
}

/** Tokens of a definition. */
export interface Size {
  readonly usual: number
  readonly most: number
}

/** The estimate is higher than the counts of known tokenizers, except for random letters and characters. */
const margin = 1.5

/** Estimated, because the tokenizer takes half a second for its first text. A token has at least one byte. */
export const sizeOf = (text: string): Size => {
  const usual = estimateTokens(text)
  return { usual, most: Math.min(Buffer.byteLength(text), Math.ceil(usual * margin)) }
}

const toolSize = (tool: AnyTool): Size => {
  let size = sizes.get(tool)
  if (size === undefined) {
    const definition = { name: tool.name, description: Tool.getDescription(tool), parameters: schemaOf(tool) }
    sizes.set(tool, (size = sizeOf(JSON.stringify(definition))))
  }
  return size
}

/** The size of all definitions of tools in a request. */
export const definitionsSize = ({ tools }: TextRequest): Size => {
  let [usual, most] = [0, 0]
  for (const tool of tools) {
    const size = toolSize(tool)
    usual += size.usual
    most += size.most
  }
  return { usual, most }
}
