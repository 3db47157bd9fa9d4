/** The result schema, policy and streaming of the tools that ask a language model. */
import { Effect, Schema, Stream } from "effect"
import type * as Response from "effect/ai/Response"
import { finished } from "../../layers/models/finished.ts"
import type { ModelRequest } from "../../layers/models/ModelRequest.ts"
import { Models } from "../../layers/models/Models.ts"
import type { Provider } from "../../layers/models/Provider.ts"
import type { Available } from "../catalog/toolkitEntries.ts"
import type { Policy } from "../domain/Policy.ts"
import { Progress } from "../../layers/progress/Progress.ts"

const Count = Schema.Int

/** Tokens as the provider counted them; estimates if `uncertain`. */
const Usage = Schema.Struct({
  input_tokens: Count,
  output_tokens: Count,
  total_tokens: Count,
  cached_input_tokens: Count,
  cache_write_input_tokens: Count,
  reasoning_tokens: Count
})

export const ModelText = Schema.Struct({
  text: Schema.String,
  provider: Schema.String.annotate({ description: "The provider that responded." }),
  model: Schema.String.annotate({ description: "The model, as the provider names it." }),
  stop_reason: Schema.String.annotate({
    description: "`stop`, or why the response is incomplete: `length`, `content-filter`, `other`."
  }),
  usage: Usage,
  cost_usd: Schema.NullOr(Schema.String).annotate({
    description: "Cost in USD, an exact decimal; null if the price is unknown."
  }),
  uncertain: Schema.Boolean.annotate({ description: "Whether usage and cost are estimates." })
})
export type ModelText = (typeof ModelText)["Type"]

const whyIncomplete: Readonly<Record<string, string>> = {
  length: "[Incomplete: max_tokens was reached.]",
  "content-filter": "[Incomplete: stopped by the provider's content filter.]"
}

export const show = ({ stop_reason, text }: ModelText): string => {
  const note = whyIncomplete[stop_reason]
  return note === undefined ? text : `${text}\n\n${note}`.trim()
}

/** A tool is available while the configured providers meet the condition. */
export const availableIf =
  (test: (providers: ReadonlyArray<Provider>) => boolean): Available<Models> =>
  (apply) =>
    Effect.flatMap(Models, (models) => models.follow(({ providers }) => apply(test(providers))))

/** The nested model call has the time limit, the retries, the circuit breaker and the hold on the budget. */
export const policy: Partial<Policy> = { timeLimit: "1 hour", retry: "never", breaker: false }

/** Characters at the end of the text that a progress message shows. */
const tailLength = 200

/** Streams the response and reports progress with the text so far. */
export const ask = Effect.fnUntraced(function* (models: Models["Service"], request: ModelRequest) {
  const progress = yield* Progress
  let text = ""
  let thinking = 0
  let finish: Response.FinishPartEncoded | undefined
  yield* Stream.runForEachArray(models.stream(request), (parts) => {
    for (const part of parts) {
      if (part.type === "text-delta") text += part.delta
      else if (part.type === "reasoning-delta") thinking += part.delta.length
      else if (part.type === "finish") finish = part
    }
    const message = text === "" ? "The model is thinking." : text.slice(-tailLength)
    return progress.report({ progress: text.length + thinking, message })
  })
  return { text, ...finished(finish) } satisfies ModelText
})
