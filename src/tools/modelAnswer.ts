/** What the tools that ask a language model have in common: the answer's schema, and how it is collected. */
import { Effect, Schema, Stream } from "effect"
import type * as Response from "effect/ai/Response"
import type { ModelRequest } from "../../layers/models/ModelRequest.ts"
import type { Models } from "../../layers/models/Models.ts"
import type { Policy } from "../domain/Policy.ts"
import { Progress } from "../../layers/progress/Progress.ts"

const Count = Schema.Int

/** Tokens as the provider counted them; `uncertain` in the answer if it did not. */
const Usage = Schema.Struct({
  input_tokens: Count,
  output_tokens: Count,
  total_tokens: Count,
  cached_input_tokens: Count,
  cache_write_input_tokens: Count,
  reasoning_tokens: Count
})

export const Answer = Schema.Struct({
  answer: Schema.String,
  provider: Schema.String.annotate({ description: "The provider that answered." }),
  model: Schema.String.annotate({ description: "The model, as the provider names it." }),
  stop_reason: Schema.String.annotate({
    description: "`stop`, or why the answer is not complete: `length`, `content-filter`, `other`."
  }),
  usage: Usage,
  cost_usd: Schema.NullOr(Schema.String).annotate({
    description: "What the answer cost, an exact decimal in USD; null if the price is unknown."
  }),
  uncertain: Schema.Boolean.annotate({ description: "Whether usage and cost are estimates." })
})
export type Answer = (typeof Answer)["Type"]

const whyIncomplete: Readonly<Record<string, string>> = {
  length: "[Incomplete: the limit of output tokens was reached. Raise max_tokens.]",
  "content-filter": "[Incomplete: the provider's content filter ended the answer.]"
}

export const show = ({ answer, stop_reason }: Answer): string => {
  const note = whyIncomplete[stop_reason]
  return note === undefined ? answer : `${answer}\n\n${note}`.trim()
}

/** The model call inside has the time limit, the retries, the breaker and the hold on the budget. */
export const policy: Partial<Policy> = { timeLimit: "1 hour", retry: "never", breaker: false }

/** The end of the answer so far that progress messages show, in characters. */
const shownTail = 200

const zero = {
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  cached_input_tokens: 0,
  cache_write_input_tokens: 0,
  reasoning_tokens: 0
}

const usageOf = ({ inputTokens, outputTokens }: Response.FinishPartEncoded["usage"]) => ({
  input_tokens: inputTokens.total ?? 0,
  output_tokens: outputTokens.total ?? 0,
  total_tokens: (inputTokens.total ?? 0) + (outputTokens.total ?? 0),
  cached_input_tokens: inputTokens.cacheRead ?? 0,
  cache_write_input_tokens: inputTokens.cacheWrite ?? 0,
  reasoning_tokens: outputTokens.reasoning ?? 0
})

/** Streams the answer, and reports progress with what has arrived. */
export const ask = Effect.fnUntraced(function* (models: Models["Service"], request: ModelRequest) {
  const progress = yield* Progress
  let answer = ""
  let thinking = 0
  let finish: Response.FinishPartEncoded | undefined
  yield* Stream.runForEachArray(models.stream(request), (parts) => {
    for (const part of parts) {
      if (part.type === "text-delta") answer += part.delta
      else if (part.type === "reasoning-delta") thinking += part.delta.length
      else if (part.type === "finish") finish = part
    }
    const message = answer === "" ? "The model is thinking." : answer.slice(-shownTail)
    return progress.report({ progress: answer.length + thinking, message })
  })
  const said = Object(finish?.metadata?.["manifold"]) as Readonly<Record<string, unknown>>
  return {
    answer,
    provider: String(said["provider"] ?? ""),
    model: String(said["model"] ?? ""),
    stop_reason: finish?.reason ?? "unknown",
    usage: finish === undefined ? zero : usageOf(finish.usage),
    cost_usd: typeof said["cost_usd"] === "string" ? said["cost_usd"] : null,
    uncertain: said["uncertain"] === true
  } satisfies Answer
})
