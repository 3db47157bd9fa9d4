/** Asks a language model of any configured provider. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Models } from "../../layers/models/Models.ts"
import { knownProviders } from "../../layers/models/providers.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Shown } from "../catalog/toolkitEntries.ts"
import { ToolPolicy } from "../domain/Policy.ts"
import { ModelText, ask, availableIf, policy, show } from "./modelText.ts"

/** Highest of all providers; each checks its own maximum. */
const maximum = Math.max(...knownProviders.map(({ maxTemperature }) => maxTemperature))

const AskModel = Tool.make("ask-model", {
  description:
    "Ask a language model and return its response. Without `provider` and `model` the active provider responds, or a fallback if it fails.",
  parameters: Schema.Struct({
    query: Schema.NonEmptyString.annotate({ description: "The question or prompt." }),
    provider: Schema.optionalKey(
      Schema.NonEmptyString.annotate({
        description: "A configured provider. Default: the active one, or the one that has the model."
      })
    ),
    model: Schema.optionalKey(
      Schema.NonEmptyString.annotate({
        description: "The model's id. Default: the provider's configured one."
      })
    ),
    temperature: Schema.optionalKey(
      Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum })).annotate({
        description: "Randomness of the response, as far as the provider allows."
      })
    ),
    max_tokens: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 })).annotate({
        description: "Maximum output tokens, including reasoning."
      })
    )
  }),
  success: ModelText,
  failure: Schema.Unknown,
  dependencies: [Progress]
})
  .annotate(Tool.Title, "Ask a language model")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, true)
  .annotate(Shown, show)
  .annotate(ToolPolicy, policy)

export const available = availableIf((providers) => providers.length > 0)

export const toolkit = Toolkit.make(AskModel)
export const layer = toolkit.toLayer(
  Effect.map(Models, (models) =>
    toolkit.of({
      "ask-model": ({ max_tokens, model, provider, query, temperature }) =>
        ask(models, { prompt: query, provider, model, temperature, maxTokens: max_tokens })
    })
  )
)
