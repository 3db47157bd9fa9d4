/** A prompt and its tools in the form of OpenAI's Chat Completions. */
import type OpenAI from "openai"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import type { TextRequest } from "./Adapter.ts"
import { objectOf } from "./fields.ts"
import { dataUrl, resultFiles, resultText } from "./parts.ts"
import { schemaOf } from "./toolDefinitions.ts"
import { ToolIds } from "./toolIds.ts"
import type { ToolNames } from "./toolNames.ts"

type Message = OpenAI.ChatCompletionMessageParam

/** OpenAI's own limit; its compatible servers make longer ids themselves. */
const shortId = /^.{1,40}$/s
const anyId = /^/

const userPart = (part: Prompt.UserMessagePart): OpenAI.ChatCompletionContentPart => {
  if (part.type === "text") return { type: "text", text: part.text }
  const url = dataUrl(part)
  if (part.mediaType.startsWith("image/")) return { type: "image_url", image_url: { url } }
  return { type: "file", file: { file_data: url, filename: part.fileName ?? "file" } }
}

const user = (all: ReadonlyArray<Prompt.UserMessagePart>): Message => {
  const parts = all.length === 1 ? all : all.filter((part) => part.type !== "text" || part.text !== "")
  const [only] = parts
  // A plain string if possible: older compatible servers accept nothing else.
  if (parts.length === 1 && only?.type === "text") return { role: "user", content: only.text }
  return { role: "user", content: parts.map(userPart) }
}

/**
 * Reasoning of a message with tool calls, in the field where the server sent it: some require it while the tools run,
 * and others reject the field.
 */
const reasoningOf = (parts: ReadonlyArray<Prompt.AssistantMessagePart>, provider: string) => {
  const own = parts.flatMap((part) => {
    if (part.type !== "reasoning") return []
    const { field, provider: from } = objectOf(part.options["openai"]) ?? {}
    const isKnown = from === provider && (field === "reasoning" || field === "reasoning_content")
    return isKnown ? [{ field, text: part.text }] : []
  })
  const [first] = own
  return first === undefined ? {} : { [first.field]: own.map(({ text }) => text).join("") }
}

/** What the server that made a call requires back with it. */
const extraOf = ({ options }: Prompt.ToolCallPart, provider: string) => {
  const { extra, provider: from } = objectOf(options["openai"]) ?? {}
  return from === provider && objectOf(extra) !== undefined ? { extra_content: extra } : {}
}

interface Wire {
  readonly names: ToolNames
  readonly ids: ToolIds
  /** Its name. */
  readonly provider: string
}

const assistant = (
  parts: ReadonlyArray<Prompt.AssistantMessagePart>,
  { ids, names, provider }: Wire
): Array<Message> => {
  const text = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("")
  const calls = parts.flatMap((part) =>
    part.type === "tool-call"
      ? [
          {
            id: ids.toWire(part.id),
            type: "function" as const,
            function: { name: names.toWire(part.name), arguments: JSON.stringify(part.params ?? {}) },
            ...extraOf(part, provider)
          }
        ]
      : []
  )
  // A message without either is not accepted.
  if (text === "" && calls.length === 0) return []
  return [
    {
      role: "assistant",
      content: text === "" ? null : text,
      ...(calls.length > 0 && { tool_calls: calls, ...reasoningOf(parts, provider) })
    }
  ]
}

/** Results of tools, and then their files: a message of the role `tool` has text only. */
const results = (parts: ReadonlyArray<Prompt.ToolMessagePart>, ids: ToolIds): Array<Message> => {
  const found = parts.filter((part) => part.type === "tool-result")
  const files = found.flatMap((part): ReadonlyArray<OpenAI.ChatCompletionContentPart> => {
    const own = resultFiles(part)
    return own.length === 0
      ? []
      : [{ type: "text", text: `Files of tool result ${ids.toWire(part.id)}:` }, ...own.map(userPart)]
  })
  return [
    ...found.map((part) => ({
      role: "tool" as const,
      tool_call_id: ids.toWire(part.id),
      content: failureText(part)
    })),
    ...(files.length > 0 ? [{ role: "user" as const, content: files }] : [])
  ]
}

/** There is no field for failures. */
const failureText = (part: Prompt.ToolResultPart): string =>
  part.isFailure ? `Error: ${resultText(part)}` : resultText(part)

export const toMessages = (
  { content }: Prompt.Prompt,
  names: ToolNames,
  provider: string
): Array<Message> => {
  const wire = { names, ids: new ToolIds(provider === "openai" ? shortId : anyId), provider }
  return content.flatMap((message): Array<Message> => {
    switch (message.role) {
      case "system":
        return [{ role: "system", content: message.content }]
      case "user":
        return [user(message.content)]
      case "assistant":
        return assistant(message.content, wire)
      case "tool":
        return results(message.content, wire.ids)
    }
  })
}

const toChoice = (
  choice: TextRequest["toolChoice"],
  names: ToolNames
): OpenAI.ChatCompletionToolChoiceOption => {
  if (typeof choice === "string") return choice
  if ("tool" in choice) return { type: "function", function: { name: names.toWire(choice.tool) } }
  return choice.mode ?? "auto"
}

/** `tools` and `tool_choice`; without tools neither, as some servers reject an empty list. */
export const toTools = ({ toolChoice, tools }: TextRequest, names: ToolNames) =>
  tools.length === 0
    ? {}
    : {
        tools: tools.map((tool): OpenAI.ChatCompletionFunctionTool => {
          const description = Tool.getDescription(tool)
          return {
            type: "function",
            function: {
              name: names.toWire(tool.name),
              ...(description !== undefined && { description }),
              parameters: { ...schemaOf(tool) }
            }
          }
        }),
        tool_choice: toChoice(toolChoice, names)
      }

/** `response_format`, if the response must be an object of a schema. */
export const toFormat = ({ responseFormat }: TextRequest) =>
  responseFormat.type === "text"
    ? {}
    : {
        response_format: {
          type: "json_schema" as const,
          json_schema: {
            name: responseFormat.objectName.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64),
            strict: true,
            // `LanguageModel.make` gets the same transformation, so that it decodes what this schema describes.
            schema: { ...toCodecOpenAI(responseFormat.schema as never).jsonSchema }
          }
        }
      }
