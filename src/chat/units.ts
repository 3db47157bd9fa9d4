/** A conversation as units that a request to a model has whole or not at all: a message, or a message with its tool results. */
import type * as Prompt from "effect/ai/Prompt"
import type { ChatEvent, ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { Block } from "../domain/Content.ts"

export interface Unit {
  /** Of the event that begins it. */
  readonly seq: number
  readonly requestId: string
  readonly messages: ReadonlyArray<Prompt.MessageEncoded>
  /** What counts as its length. */
  readonly text: string
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

const userUnit = (event: ChatEventOf<"user_message">): Unit => ({
  seq: event.seq,
  requestId: event.request_id,
  messages: [
    {
      role: "user",
      content: event.content.map((block) =>
        block.type === "image"
          ? { type: "file", mediaType: block.mimeType, data: block.data }
          : { type: "text", text: blockText(block) }
      )
    }
  ],
  text: event.content.map((block) => (block.type === "image" ? "" : blockText(block))).join("\n"),
  images: event.content.filter(({ type }) => type === "image").length
})

const noResult = "The call was interrupted and has no result."

const assistantUnit = (
  event: ChatEventOf<"assistant_message">,
  results: ReadonlyMap<string, ChatEventOf<"tool_result">>
): Unit => {
  const content = event.parts.map((part): Prompt.AssistantMessagePartEncoded => {
    if (part.type === "text") return { type: "text", text: part.text }
    // The store has kept what the provider sent.
    const options = part.metadata === undefined ? {} : { options: part.metadata as Prompt.ProviderOptions }
    if (part.type === "reasoning") return { type: "reasoning", text: part.text, ...options }
    return { type: "tool-call", id: part.tool_call_id, name: part.name, params: part.arguments, ...options }
  })
  const calls = event.parts.flatMap((part) => (part.type === "tool_call" ? [part] : []))
  const answers = calls.map(({ name, tool_call_id: id }): Prompt.ToolResultPartEncoded => {
    const result = results.get(id)
    return {
      type: "tool-result",
      id,
      name,
      isFailure: result?.is_error ?? true,
      result: result === undefined ? noResult : resultText(result)
    }
  })
  const texts = event.parts.map((part) =>
    part.type === "tool_call" ? `${part.name}${JSON.stringify(part.arguments)}` : part.text
  )
  return {
    seq: event.seq,
    requestId: event.request_id,
    messages: [
      { role: "assistant", content },
      ...(answers.length > 0 ? [{ role: "tool" as const, content: answers }] : [])
    ],
    text: [...texts, ...answers.map(({ result }) => String(result))].join("\n"),
    images: 0
  }
}

/** Units of the events, in order. Results that came before the call of their message are left out. */
export const unitsOf = (events: ReadonlyArray<ChatEvent>): ReadonlyArray<Unit> => {
  const results = new Map<string, ChatEventOf<"tool_result">>()
  for (const event of events) {
    if (event.type === "tool_result") results.set(`${event.request_id}/${event.tool_call_id}`, event)
  }
  const units: Array<Unit> = []
  for (const event of events) {
    if (event.type === "user_message") {
      const replaced = units.findIndex(({ requestId }) => requestId === event.replaces)
      if (event.replaces !== undefined && replaced >= 0) units.splice(replaced)
      units.push(userUnit(event))
    }
    if (event.type !== "assistant_message" || event.parts.length === 0) continue
    const own = event.parts.flatMap((part) => {
      const result =
        part.type === "tool_call" ? results.get(`${event.request_id}/${part.tool_call_id}`) : undefined
      return result === undefined ? [] : [[result.tool_call_id, result] as const]
    })
    units.push(assistantUnit(event, new Map(own)))
  }
  return units
}
