/** Decodes chunks of Chat Completions. By hand, because a Schema would add half to the CPU time of a stream. */
import { listOf, objectOf, stopReasonOf, textOf } from "./fields.ts"
import { reported, type Reported } from "./usage.ts"

export interface ToolCallDelta {
  readonly index: number | undefined
  readonly id: string | undefined
  readonly name: string | undefined
  readonly json: string | undefined
  /** What the server requires back with the call, such as Gemini's signature of its reasoning. */
  readonly extra: object | undefined
}

export interface ChatChunk {
  readonly id: string | undefined
  readonly model: string | undefined
  readonly usage: Reported | undefined
  readonly finish: string | undefined
  readonly text: string | undefined
  readonly reasoning: string | undefined
  /** The field that contained the reasoning. It differs among servers. */
  readonly reasoningField: "reasoning" | "reasoning_content" | undefined
  /** Undefined in place of a call that is not an object. */
  readonly calls: ReadonlyArray<ToolCallDelta | undefined>
}

export const usageOf = (value: unknown): Reported | undefined => {
  const usage = objectOf(value)
  return (
    usage &&
    reported({
      input: usage["prompt_tokens"],
      output: usage["completion_tokens"],
      cached: objectOf(usage["prompt_tokens_details"])?.["cached_tokens"],
      reasoning: objectOf(usage["completion_tokens_details"])?.["reasoning_tokens"]
    })
  )
}

/** Some servers send arguments as an object. */
const jsonOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : objectOf(value) && JSON.stringify(value)

/** Some servers send a list of parts in place of a text; `type` is the part's, and the field of its text. */
const contentOf = (value: unknown, type: "text" | "thinking"): string | undefined => {
  if (typeof value === "string") return type === "text" ? textOf(value) : undefined
  const texts = listOf(value).map((each) => {
    const part = objectOf(each)
    if (part?.["type"] !== type) return ""
    return textOf(part[type]) ?? contentOf(part[type], "text") ?? ""
  })
  return textOf(texts.join(""))
}

const callOf = (value: unknown): ToolCallDelta | undefined => {
  const call = objectOf(value)
  if (call === undefined) return undefined
  const { id, index } = call
  const { arguments: json, name } = objectOf(call["function"]) ?? {}
  return {
    index: Number.isSafeInteger(index) ? (index as number) : undefined,
    id: typeof id === "number" ? String(id) : textOf(id),
    name: textOf(name),
    json: jsonOf(json),
    extra: objectOf(call["extra_content"])
  }
}

const none: ReadonlyArray<never> = []

/** `undefined` if the chunk is not an object. */
export const chatChunk = (value: unknown): ChatChunk | undefined => {
  const chunk = objectOf(value)
  if (chunk === undefined) return undefined
  const choice = objectOf(listOf(chunk["choices"])[0])
  const delta = objectOf(choice?.["delta"])
  const content = textOf(delta?.["reasoning_content"])
  const reasoning = content ?? textOf(delta?.["reasoning"]) ?? contentOf(delta?.["content"], "thinking")
  const calls = delta?.["tool_calls"]
  return {
    id: textOf(chunk["id"]),
    model: textOf(chunk["model"]),
    // Groq's older field is the second one.
    usage: usageOf(chunk["usage"]) ?? usageOf(objectOf(chunk["x_groq"])?.["usage"]),
    finish: stopReasonOf(choice?.["finish_reason"]),
    text: contentOf(delta?.["content"], "text") ?? textOf(delta?.["refusal"]),
    reasoning,
    reasoningField:
      reasoning === undefined ? undefined : content === undefined ? "reasoning" : "reasoning_content",
    // A call that is lost would look like a complete response without it.
    calls:
      calls === undefined || calls === null ? none : Array.isArray(calls) ? calls.map(callOf) : [undefined]
  }
}
