/** A conversation as units that a request to a model has whole or not at all: a message, or a message with its tool results. */
import * as Prompt from "effect/ai/Prompt"
import type { ChatEvent, ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { Block } from "../domain/Content.ts"
import { isObject } from "../domain/JsonObject.ts"

export interface Unit {
  /** Of the event that begins it. */
  readonly seq: number
  readonly requestId: string
  readonly messages: ReadonlyArray<Prompt.Message>
  /** What counts as its length. */
  readonly text: string
  /** Of the text. */
  readonly bytes: number
  /** Images, whose tokens no tokenizer counts. */
  readonly images: number
}

/** A block as text for models that cannot see it otherwise. */
const blockText = (block: Block): string => {
  switch (block.type) {
    case "text":
      return block.text
    case "image":
    case "audio":
      return `[${block.type} ${block.mimeType}, ${Math.ceil((block.data.length * 3) / 4)} bytes]`
    case "resource_link":
      return `[resource ${block.uri}]`
    case "resource":
      return "text" in block.resource ? block.resource.text : `[resource ${block.resource.uri}]`
  }
}

export const resultText = ({ content, structured }: ChatEventOf<"tool_result">): string => {
  const text = content.map(blockText).join("\n")
  return text === "" && structured !== undefined ? JSON.stringify(structured) : text
}

/** As `promptText` of the models joins it. */
const sizedText = (texts: ReadonlyArray<string>) => {
  const text = texts.join("\n")
  return { text, bytes: Buffer.byteLength(text) }
}

const imageFile = ({ data, mimeType }: Extract<Block, { readonly type: "image" }>) =>
  Prompt.filePart({ mediaType: mimeType, fileName: undefined, data })

const userUnit = (event: ChatEventOf<"user_message">): Unit => ({
  seq: event.seq,
  requestId: event.request_id,
  ...sizedText(event.content.map((block) => (block.type === "image" ? "" : blockText(block)))),
  messages: [
    Prompt.userMessage({
      content: event.content.map((block) =>
        block.type === "image" ? imageFile(block) : Prompt.textPart({ text: blockText(block) })
      )
    })
  ],
  images: event.content.filter(({ type }) => type === "image").length
})

const noResult = "The call was interrupted and has no result."

const assistantUnit = (
  event: ChatEventOf<"assistant_message">,
  results: ReadonlyMap<string, ChatEventOf<"tool_result">>
): Unit => {
  const content = event.parts.map((part): Prompt.AssistantMessagePart => {
    if (part.type === "text") return Prompt.textPart({ text: part.text })
    // The store has kept what the provider sent.
    const options = part.metadata === undefined ? {} : { options: part.metadata as Prompt.ProviderOptions }
    if (part.type === "reasoning") return Prompt.reasoningPart({ text: part.text, ...options })
    const params = isObject(part.arguments) ? part.arguments : { arguments: part.arguments }
    return Prompt.toolCallPart({
      id: part.tool_call_id,
      name: part.name,
      params,
      providerExecuted: false,
      ...options
    })
  })
  const calls = event.parts.flatMap((part) => (part.type === "tool_call" ? [part] : []))
  let images = 0
  const answers = calls.map(({ name, tool_call_id: id }) => {
    const result = results.get(id)
    const text = result === undefined ? noResult : resultText(result)
    const files =
      result === undefined
        ? []
        : result.content.flatMap((block) => (block.type === "image" ? [imageFile(block)] : []))
    images += files.length
    return Prompt.toolResultPart({
      id,
      name,
      isFailure: result?.is_error ?? true,
      result: text,
      modelOutput: files.length > 0 ? [Prompt.textPart({ text }), ...files] : undefined,
      providerExecuted: false
    })
  })
  const texts = event.parts.flatMap((part) =>
    part.type === "tool_call" ? [part.name, JSON.stringify(part.arguments) ?? ""] : [part.text]
  )
  return {
    seq: event.seq,
    requestId: event.request_id,
    messages: [
      Prompt.assistantMessage({ content }),
      ...(answers.length > 0 ? [Prompt.toolMessage({ content: answers })] : [])
    ],
    ...sizedText([...texts, ...answers.map(({ result }) => String(result))]),
    images
  }
}

type Said = ChatEventOf<"assistant_message" | "user_message">
type Results = ReadonlyMap<string, ChatEventOf<"tool_result">>

/** With the number of tool results that each has. */
const made = new WeakMap<Said, { readonly unit: Unit; readonly results: number }>()

/** A store that keeps events in memory gives the same objects again, for which nothing is made twice. */
const unitOf = (event: Said, results: Results): Unit => {
  const known = made.get(event)
  if (known?.results === results.size) return known.unit
  const unit = event.type === "user_message" ? userUnit(event) : assistantUnit(event, results)
  made.set(event, { unit, results: results.size })
  return unit
}

/** The provider, or a limit, refused the message itself, and would refuse each request that has it. */
const isRefusal = (code: number) => code === 400 || code === 413 || code === 422

/** Units of the events, in order. Messages that were refused are left out. */
export const unitsOf = (events: ReadonlyArray<ChatEvent>): ReadonlyArray<Unit> => {
  const units: Array<Unit> = []
  /** The latest message, and the results of its calls so far: they follow it before any other message. */
  let message: Said | undefined
  let results = new Map<string, ChatEventOf<"tool_result">>()
  const next = (said: Said | undefined) => {
    if (message !== undefined) units.push(unitOf(message, results))
    message = said
    if (results.size > 0) results = new Map()
  }
  for (const event of events) {
    if (event.type === "tool_result") {
      if (message?.request_id === event.request_id) results.set(event.tool_call_id, event)
    } else if (event.type === "user_message") {
      next(undefined)
      const { replaces } = event
      const replaced =
        replaces === undefined ? -1 : units.findIndex(({ requestId }) => requestId === replaces)
      if (replaced >= 0) units.splice(replaced)
      message = event
    } else if (event.type === "assistant_message") {
      if (event.parts.length > 0) next(event)
    } else if (event.type === "turn_failed" && isRefusal(event.error.code)) {
      if (message?.type === "user_message" && message.request_id === event.request_id) message = undefined
    }
  }
  next(undefined)
  return units
}
