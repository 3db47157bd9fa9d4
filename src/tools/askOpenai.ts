/** Asks a language model of OpenAI. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Models } from "../../layers/models/Models.ts"
import { knownProvider } from "../../layers/models/providers.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Shown } from "../catalog/toolkitEntries.ts"
import { ToolPolicy } from "../domain/Policy.ts"
import { ModelText, ask, availableIf, policy, show } from "./modelText.ts"

const maximum = knownProvider("openai")?.maxTemperature ?? 2

const AskOpenai = Tool.make("ask-openai", {
  description:
    "Ask a language model of OpenAI and return its response. The model is checked against OpenAI's own list.",
  parameters: Schema.Struct({
    query: Schema.NonEmptyString.annotate({ description: "The question or prompt." }),
    model: Schema.optionalKey(
      Schema.NonEmptyString.annotate({
        description: "The model's id. Default: the configured one (llm.providers.openai.model)."
      })
    ),
    temperature: Schema.optionalKey(
      Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum })).annotate({
        description: "Randomness of the response. Reasoning models accept their default only."
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
  .annotate(Tool.Title, "Ask OpenAI")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, true)
  .annotate(Shown, show)
  .annotate(ToolPolicy, policy)

export const available = availableIf((providers) => providers.some(({ name }) => name === "openai"))

export const toolkit = Toolkit.make(AskOpenai)
export const layer = toolkit.toLayer(
  Effect.map(Models, (models) =>
    toolkit.of({
      "ask-openai": ({ max_tokens, model, query, temperature }) =>
        ask(models, { provider: "openai", prompt: query, model, temperature, maxTokens: max_tokens })
    })
  )
)
