/** Costs are exact decimals, the operator's prices come first, and an unknown price is never 0. */
import { describe, expect } from "bun:test"
import { BigDecimal, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Prices, type Planned, type Used } from "../../../layers/ledger/Prices.ts"
import { it } from "../../support/effect.ts"
import { given } from "../config/files.ts"

const having = (models: Readonly<Record<string, unknown>> = {}) =>
  Layer.provide(Prices.layer, given({ env: { MCP_CONFIG_JSON: JSON.stringify({ prices: { models } }) } }))

const text = Option.map(BigDecimal.format)
const cost = (used: Used) => Effect.flatMap(Prices, (prices) => Effect.map(prices.cost(used), text))
const upperBound = (planned: Planned) =>
  Effect.flatMap(Prices, (prices) => Effect.map(prices.upperBound(planned), text))

const gpt5 = { provider: "openai", model: "gpt-5" }

describe("the built-in list", () => {
  it.effect("a cost is an exact decimal, with cached tokens at their own price", () =>
    Effect.gen(function* () {
      const usage = { input_tokens: 1000, cached_input_tokens: 800, output_tokens: 50, reasoning_tokens: 20 }
      expect(yield* cost({ ...gpt5, usage })).toEqual(Option.some("0.00085"))
      const groq = { provider: "groq", model: "llama-3.3-70b-versatile" }
      expect(yield* cost({ ...groq, usage: { input_tokens: 10 } })).toEqual(Option.some("0.0000059"))
    }).pipe(Effect.provide(having()))
  )

  it.effect("more cached than input tokens cost as much as if all input were cached", () =>
    Effect.gen(function* () {
      const all = { input_tokens: 1000, cached_input_tokens: 1000 }
      const more = { input_tokens: 1000, cached_input_tokens: 5000 }
      expect(yield* cost({ ...gpt5, usage: more })).toEqual(yield* cost({ ...gpt5, usage: all }))
    }).pipe(Effect.provide(having()))
  )

  it.effect("an unknown model, an unknown provider and images without tokens are unpriced", () =>
    Effect.gen(function* () {
      const usage = { input_tokens: 1 }
      expect(yield* cost({ provider: "openai", model: "gpt-nonesuch", usage })).toEqual(Option.none())
      expect(yield* cost({ provider: "ollama", model: "gpt-5", usage })).toEqual(Option.none())
      expect(yield* cost({ provider: "openai", model: "gpt-image-1", usage, images: 2 })).toEqual(
        Option.none()
      )
    }).pipe(Effect.provide(having()))
  )

  it.effect("a provider with a name of the operator's is known by its endpoint", () =>
    Effect.gen(function* () {
      const mine = { ...gpt5, provider: "mine", baseUrl: "https://api.openai.com/v1" }
      expect(yield* cost({ ...mine, usage: { input_tokens: 8 } })).toEqual(Option.some("0.00001"))
    }).pipe(Effect.provide(having()))
  )
})

it.effect("the operator's price of the requested alias precedes the list's price of the dated model", () =>
  Effect.gen(function* () {
    const dated = { provider: "openai", model: "gpt-5-2025-08-07", alias: "gpt-5" }
    const usage = { input_tokens: 1_000_000 }
    expect(yield* cost({ ...dated, usage })).toEqual(Option.some("7"))
    // Its own entry precedes that of the alias, and the alias's the one with a wildcard.
    const other = { ...dated, model: "gpt-5-2026-01-01" }
    expect(yield* cost({ ...other, usage })).toEqual(Option.some("9"))
  }).pipe(
    Effect.provide(
      having({
        "openai/gpt-5": [{ input: 7 }],
        "openai/gpt-5-2026-01-01": [{ input: 9 }],
        "openai/gpt-5-*": [{ input: 8 }]
      })
    )
  )
)

describe("prices of the configuration", () => {
  const own = {
    "openai/gpt-5": [
      { input: 7, output: 0.1 },
      { from: "1970-01-03", input: 0.3, output: 0.1, cached_input: 0 }
    ],
    "ollama/*": [{}],
    "ollama/llama*": [{ input: 1 }],
    "openai/gpt-image-1": [{ image: 0.04 }]
  }

  it.effect("take precedence, and the latest that has begun applies", () =>
    Effect.gen(function* () {
      const usage = { input_tokens: 1_000_000, output_tokens: 1_000_000, cached_input_tokens: 500_000 }
      expect(yield* cost({ ...gpt5, usage })).toEqual(Option.some("7.1"))
      yield* TestClock.adjust("3 days")
      expect(yield* cost({ ...gpt5, usage })).toEqual(Option.some("0.25"))
    }).pipe(Effect.provide(having(own)))
  )

  it.effect("of several prefixes the longest matches, and 0 is a price", () =>
    Effect.gen(function* () {
      const usage = { input_tokens: 1_000_000 }
      expect(yield* cost({ provider: "ollama", model: "llama3", usage })).toEqual(Option.some("1"))
      expect(yield* cost({ provider: "ollama", model: "qwen", usage })).toEqual(Option.some("0"))
    }).pipe(Effect.provide(having(own)))
  )

  it.effect("images are billed by number where the operator says so", () =>
    Effect.gen(function* () {
      const images = { provider: "openai", model: "gpt-image-1", usage: {}, images: 3 }
      expect(yield* cost(images)).toEqual(Option.some("0.12"))
    }).pipe(Effect.provide(having(own)))
  )
})

it.effect("the upper bound covers a call whose input is all written to the cache", () =>
  Effect.gen(function* () {
    const model = { provider: "anthropic", model: "claude-sonnet-4-5" }
    const written = { input_tokens: 1000, cache_write_input_tokens: 1000, output_tokens: 100 }
    const bound = yield* upperBound({ ...model, inputTokens: 1000, maxOutputTokens: 100 })
    expect(bound).toEqual(yield* cost({ ...model, usage: written }))
    expect(bound).toEqual(Option.some("0.00525"))
  }).pipe(Effect.provide(having()))
)
