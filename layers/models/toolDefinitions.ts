/** Definitions of tools as providers get them; a JSON Schema is made once per tool. */
import * as Tool from "effect/ai/Tool"
import type { TextRequest } from "./Adapter.ts"

type AnyTool = TextRequest["tools"][number]
type Schema = ReturnType<typeof Tool.getJsonSchema>

const schemas = new WeakMap<AnyTool, Schema>()
const texts = new WeakMap<AnyTool, string>()

/** The JSON Schema of a tool's parameters. */
export const schemaOf = (tool: AnyTool): Schema => {
  let schema = schemas.get(tool)
  if (schema === undefined) schemas.set(tool, (schema = Tool.getJsonSchema(tool)))
  return schema
}

const textOf = (tool: AnyTool): string => {
  let text = texts.get(tool)
  if (text === undefined) {
    text = JSON.stringify({
      name: tool.name,
      description: Tool.getDescription(tool),
      parameters: schemaOf(tool)
    })
    texts.set(tool, text)
  }
  return text
}

/** The text of all definitions, for counting tokens. */
export const definitionText = ({ tools }: TextRequest): string => tools.map(textOf).join("\n")
