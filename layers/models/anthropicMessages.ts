/** A prompt and its tools in the form of Anthropic's Messages API, with the marks of its prompt cache. */
import type Anthropic from "@anthropic-ai/sdk"
import { toCodecAnthropic } from "effect/ai/AnthropicStructuredOutput"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type { TextRequest } from "./Adapter.ts"
import { objectOf, textOf } from "./fields.ts"
import { base64, resultFiles, resultText } from "./parts.ts"
import { schemaOf } from "./toolDefinitions.ts"
import { ToolIds } from "./toolIds.ts"
import type { ToolNames } from "./toolNames.ts"

type Block = Anthropic.ContentBlockParam

const validId = /^[a-zA-Z0-9_-]+$/

const cached = { cache_control: { type: "ephemeral" } } as const

/**
 * Whether a longer prompt with the same prefix is likely to follow: a conversation, or a prompt with tools. Writing to the
 * cache costs a quarter more, so a single question does not use it.
 */
const isRepeated = ({ prompt, tools }: TextRequest): boolean =>
  tools.length > 0 || prompt.content.filter(({ role }) => role !== "system").length > 1

const filePart = (part: Prompt.FilePart): Anthropic.ImageBlockParam | Anthropic.DocumentBlockParam => {
  const { data, mediaType } = part
  const source = { type: "base64" as const, data: base64(part) ?? "" }
  if (mediaType.startsWith("image/")) {
    const media_type = mediaType as "image/png"
    return {
      type: "image",
      source: data instanceof URL ? { type: "url", url: data.href } : { ...source, media_type }
    }
  }
  return {
    type: "document",
    source:
      data instanceof URL ? { type: "url", url: data.href } : { ...source, media_type: "application/pdf" }
  }
}

/** Reasoning with the signature that the provider gave it; a block without one is not accepted back. */
const reasoningBlock = ({ options, text }: Prompt.ReasoningPart): ReadonlyArray<Block> => {
  const own = objectOf(options["anthropic"])
  const data = textOf(own?.["redacted"])
  if (data !== undefined) return [{ type: "redacted_thinking", data }]
  const signature = textOf(own?.["signature"])
  return signature === undefined ? [] : [{ type: "thinking", thinking: text, signature }]
}

/** A text of whitespace only is not accepted. */
const textBlocks = (text: string): Array<Anthropic.TextBlockParam> =>
  text.trim() === "" ? [] : [{ type: "text", text }]

/** Arguments must be an object. Models of other providers have sent lists and texts. */
const toInput = (params: unknown): object => objectOf(params) ?? (params == null ? {} : { arguments: params })

interface Wire {
  readonly names: ToolNames
  readonly ids: ToolIds
}

const assistantBlocks = (
  parts: ReadonlyArray<Prompt.AssistantMessagePart>,
  { ids, names }: Wire
): Array<Block> =>
  parts.flatMap((part): Array<Block> => {
    if (part.type === "text") return textBlocks(part.text)
    if (part.type === "tool-call") {
      return [
        {
          type: "tool_use",
          id: ids.toWire(part.id),
          name: names.toWire(part.name),
          input: toInput(part.params)
        }
      ]
    }
    return part.type === "reasoning" ? [...reasoningBlock(part)] : []
  })

/** Plain text if possible, else blocks of text and files. */
const resultContent = (
  part: Prompt.ToolResultPart
): NonNullable<Anthropic.ToolResultBlockParam["content"]> => {
  const files = resultFiles(part)
  const text = resultText(part)
  if (files.length > 0) return [...textBlocks(text), ...files.map(filePart)]
  // A failure must say something.
  return part.isFailure && text.trim() === "" ? "The tool gave no reason." : text
}

const blocksOf = (message: Exclude<Prompt.Message, Prompt.SystemMessage>, wire: Wire): Array<Block> => {
  if (message.role === "assistant") return assistantBlocks(message.content, wire)
  if (message.role === "user") {
    return message.content.flatMap((part): Array<Block> =>
      part.type === "text" ? textBlocks(part.text) : [filePart(part)]
    )
  }
  return message.content.flatMap((part): Array<Block> =>
    part.type === "tool-result"
      ? [
          {
            type: "tool_result",
            tool_use_id: wire.ids.toWire(part.id),
            content: resultContent(part),
            ...(part.isFailure && { is_error: true })
          }
        ]
      : []
  )
}

const mark = (block: Block | undefined) => {
  if (block !== undefined) Object.assign(block, cached)
}

/** `system` and `messages`; consecutive messages of one role are merged. */
export const toMessages = (request: TextRequest, names: ToolNames) => {
  const repeated = isRepeated(request)
  const wire = { names, ids: new ToolIds(validId) }
  const system: Array<Anthropic.TextBlockParam> = []
  const messages: Array<{ role: "user" | "assistant"; content: Array<Block> }> = []
  for (const message of request.prompt.content) {
    if (message.role === "system") {
      system.push(...textBlocks(message.content))
      continue
    }
    const role = message.role === "assistant" ? "assistant" : "user"
    const content = blocksOf(message, wire)
    const last = messages.at(-1)
    if (last?.role === role) last.content.push(...content)
    else if (content.length > 0) messages.push({ role, content })
  }
  if (repeated) {
    // The prefix up to each mark is cached: tools and system, the conversation before, and the conversation so far. The
    // provider looks for an earlier mark in the last 20 blocks only, and many tool results are more.
    const users = messages.filter(({ role }) => role === "user")
    mark(system.at(-1))
    for (const { content } of users.slice(-2)) mark(content.at(-1))
  }
  return { messages, ...(system.length > 0 && { system }) }
}

const toChoice = (choice: TextRequest["toolChoice"], names: ToolNames): Anthropic.ToolChoice => {
  if (choice === "required") return { type: "any" }
  if (choice === "auto" || choice === "none") return { type: choice }
  if ("tool" in choice) return { type: "tool", name: names.toWire(choice.tool) }
  return { type: choice.mode === "required" ? "any" : "auto" }
}

/** Names of the tools that were called in the prompt. */
const calledTools = ({ prompt }: TextRequest): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const { content, role } of prompt.content) {
    if (role !== "assistant") continue
    for (const part of content) if (part.type === "tool-call") names.add(part.name)
  }
  return names
}

/** Calls in the prompt need definitions of tools, also if the model may not call any of them. */
const pastTools = (request: TextRequest, names: ToolNames) => {
  const tools = [...calledTools(request)].map((name): Anthropic.Tool => ({
    name: names.toWire(name),
    input_schema: { type: "object" }
  }))
  return tools.length === 0 ? {} : { tools, tool_choice: { type: "none" as const } }
}

export const toTools = (request: TextRequest, names: ToolNames) => {
  const { toolChoice, tools } = request
  return tools.length === 0
    ? pastTools(request, names)
    : {
        tools: tools.map((tool, index): Anthropic.Tool => {
          const description = Tool.getDescription(tool)
          return {
            name: names.toWire(tool.name),
            ...(description !== undefined && { description }),
            input_schema: { ...schemaOf(tool), type: "object" },
            ...(index === tools.length - 1 && cached)
          }
        }),
        tool_choice: toChoice(toolChoice, names)
      }
}

/** `output_config`, if the response must be an object of a schema. */
export const toFormat = ({ responseFormat }: TextRequest) =>
  responseFormat.type === "text"
    ? {}
    : {
        output_config: {
          format: {
            type: "json_schema" as const,
            // `LanguageModel.make` gets the same transformation, so that it decodes what this schema describes.
            schema: { ...toCodecAnthropic(responseFormat.schema as never).jsonSchema }
          }
        }
      }
