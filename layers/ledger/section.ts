/** The section `prices`: the operator's own prices of models, which take precedence over the built-in price list. */
import { Schema } from "effect"
import * as Section from "../config/Section.ts"

const amount = (description: string) =>
  Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })).annotate({ description })
  )

const date = Schema.String.check(
  Schema.makeFilter((text) => !Number.isNaN(Date.parse(text)), {
    expected: "a date such as 2026-09-01, or a date and time of ISO 8601"
  })
)

const Price = Schema.Struct({
  from: Schema.optionalKey(date.annotate({ description: "When the price begins, in UTC. Default: always." })),
  input: amount("USD per million input tokens. Default: 0."),
  output: amount("USD per million output tokens. Default: 0."),
  cached_input: amount("USD per million input tokens read from the provider's cache. Default: `input`."),
  cache_write_input: amount(
    "USD per million input tokens written to the provider's cache. Default: `input`."
  ),
  image: amount("USD per generated image. Default: 0.")
})
export type Price = (typeof Price)["Type"]

const isModel = Schema.makeFilter((name: string) => /^[^/\s]+\/\S+$/.test(name), {
  expected: "a provider and a model such as openai/gpt-5 or ollama/*"
})

export const section = Section.deferred(
  "prices",
  () =>
    Schema.Struct({
      models: Section.optional(
        Schema.Record(Schema.String.check(isModel), Schema.Array(Price)),
        {},
        "Prices by `provider/model`, where a final `*` matches any suffix. If a model has several prices, the latest one that has begun applies."
      )
    }),
  { description: "Prices of models, in USD. They take precedence over the built-in price list." }
)
