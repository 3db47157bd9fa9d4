/** Prices of model calls: the operator's prices, else the built-in price list of `@pydantic/genai-prices`. */
import type * as List from "@pydantic/genai-prices"
import { BigDecimal, Clock, Context, Effect, Layer, Option } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { section, type Price } from "./section.ts"
import type { Usage } from "./Spend.ts"

export interface Model {
  /** The provider's name in the configuration. */
  readonly provider: string
  readonly model: string
  /** Another name of the model, such as the alias that was requested. The operator's price of either name precedes the list. */
  readonly alias?: string | undefined
  /** The provider's endpoint: it identifies a provider whose name is not in the price list. */
  readonly baseUrl?: string | undefined
}

export interface Used extends Model {
  readonly usage: Usage
  /** Generated images, which some providers bill by number. */
  readonly images?: number | undefined
}

export interface Planned extends Model {
  readonly inputTokens: number
  readonly maxOutputTokens: number
  readonly images?: number | undefined
}

/** Providers have reported more cached than input tokens; a part is never more than its whole. */
const normalize = (usage: Usage) => {
  const input = Math.max(0, usage.input_tokens ?? 0)
  const cached = Math.min(input, Math.max(0, usage.cached_input_tokens ?? 0))
  const written = Math.min(input - cached, Math.max(0, usage.cache_write_input_tokens ?? 0))
  return { input, cached, written, output: Math.max(0, usage.output_tokens ?? 0) }
}

const perMillion = (usd: number, tokens: number) =>
  BigDecimal.multiply(BigDecimal.fromNumberUnsafe(usd), BigDecimal.make(BigInt(Math.ceil(tokens)), 6))

const configuredCost = (price: Price, usage: Usage, images: number): BigDecimal.BigDecimal => {
  const { cached, input, output, written } = normalize(usage)
  const { cache_write_input, cached_input, image = 0, input: perInput = 0, output: perOutput = 0 } = price
  return BigDecimal.sumAll([
    perMillion(perInput, input - cached - written),
    perMillion(cached_input ?? perInput, cached),
    perMillion(cache_write_input ?? perInput, written),
    perMillion(perOutput, output),
    BigDecimal.multiply(BigDecimal.fromNumberUnsafe(image), BigDecimal.fromBigInt(BigInt(images)))
  ])
}

type Configured = Readonly<Record<string, ReadonlyArray<Price>>>

/** The latest price that has begun, of the entry of the model or its alias, else of the longest matching prefix. */
const configured = (
  models: Configured,
  { alias = "", model, provider }: Model,
  now: number
): Price | undefined => {
  const names = [`${provider}/${model}`, `${provider}/${alias}`]
  const rank = (key: string) => (key === names[0] ? 2 : key === names[1] ? 1 : 0)
  const matches = Object.keys(models)
    .filter((key) =>
      names.some((name) => key === name || (key.endsWith("*") && name.startsWith(key.slice(0, -1))))
    )
    .toSorted((a, b) => rank(b) - rank(a) || b.length - a.length)
  const begins = ({ from }: Price) => (from === undefined ? -Infinity : Date.parse(from))
  for (const key of matches) {
    const begun = (models[key] ?? []).filter((price) => begins(price) <= now)
    const latest = begun.toSorted((a, b) => begins(b) - begins(a))[0]
    if (latest !== undefined) return latest
  }
  return undefined
}

/** Maximum number of remembered providers. */
const maxProviders = 1000

/** The list computes with binary fractions; prices are decimals of at most 12 places per token. */
const exact = (usd: number) => BigDecimal.fromStringUnsafe(usd.toFixed(12))

const make = Effect.gen(function* () {
  const config = yield* ConfigSource
  let operators: Configured = {}
  yield* Effect.orDie(
    config.followOption(section, (settings) =>
      Effect.sync(() => {
        operators = Option.match(settings, { onNone: () => ({}), onSome: ({ models }) => models })
      })
    )
  )
  const list = yield* Effect.cached(Effect.promise(() => import("@pydantic/genai-prices")))

  const found = new Map<string, List.Provider | undefined>()
  /** The list compares each of its patterns with the endpoint, and there are few providers. */
  const providerOf = ({ findProvider }: typeof List, { baseUrl, provider }: Model) => {
    const key = `${provider} ${baseUrl}`
    if (found.has(key)) return found.get(key)
    const known =
      findProvider({ providerId: provider }) ??
      (baseUrl === undefined ? undefined : findProvider({ providerApiUrl: baseUrl }))
    if (found.size >= maxProviders) found.clear()
    found.set(key, known)
    return known
  }

  const listed = Effect.fnUntraced(function* (model: Model, usage: Usage, now: number) {
    const loaded = yield* list
    const provider = providerOf(loaded, model)
    if (provider === undefined) return Option.none<BigDecimal.BigDecimal>()
    const { cached, input, output, written } = normalize(usage)
    const tokens = { input_tokens: input, output_tokens: output }
    const price = (detail: Record<string, number>) =>
      Option.flatMap(
        Option.liftThrowable(loaded.calcPrice)({ ...tokens, ...detail }, model.model, {
          provider,
          timestamp: new Date(now)
        }),
        (priced) => Option.map(Option.fromNullishOr(priced), ({ total_price }) => exact(total_price))
      )
    const detail = {
      ...(cached > 0 && { cache_read_tokens: cached }),
      ...(written > 0 && { cache_write_tokens: written })
    }
    // Without a price for cached tokens, they cost as much as other input tokens.
    return Option.orElse(price(detail), () => price({}))
  })

  const cost = Effect.fnUntraced(function* ({ images = 0, usage, ...model }: Used) {
    const now = yield* Clock.currentTimeMillis
    const own = configured(operators, model, now)
    // Without a price per image, images without reported tokens are unpriced.
    const isUncounted = images > 0 && usage.output_tokens === undefined
    if (own !== undefined && isUncounted && own.image === undefined)
      return Option.none<BigDecimal.BigDecimal>()
    if (own !== undefined) return Option.some(configuredCost(own, usage, images))
    // The list has prices per token only.
    if (isUncounted) return Option.none<BigDecimal.BigDecimal>()
    const direct = yield* listed(model, usage, now)
    const { alias = model.model } = model
    if (Option.isSome(direct) || alias === model.model) return direct
    return yield* listed({ ...model, model: alias }, usage, now)
  })

  return Prices.of({
    cost,
    configured: () => operators,
    upperBound: Effect.fnUntraced(function* ({ images, inputTokens, maxOutputTokens, ...model }: Planned) {
      const usage = { input_tokens: inputTokens, output_tokens: maxOutputTokens }
      const plain = yield* cost({ ...model, images, usage })
      const written = yield* cost({
        ...model,
        images,
        usage: { ...usage, cache_write_input_tokens: inputTokens }
      })
      return Option.zipWith(plain, written, BigDecimal.max)
    })
  })
})

export class Prices extends Context.Service<
  Prices,
  {
    /** Cost in USD, exact; none: the price is unknown, which is not 0. Reasoning tokens are part of the output. */
    readonly cost: (used: Used) => Effect.Effect<Option.Option<BigDecimal.BigDecimal>>
    /** The operator's prices by `provider/model`: another object after a reload. */
    readonly configured: () => Configured
    /** Upper bound of a call's cost in USD, including the case that all input is written to the provider's cache. */
    readonly upperBound: (planned: Planned) => Effect.Effect<Option.Option<BigDecimal.BigDecimal>>
  }
>()("manifold/ledger/Prices") {
  /** The price list is loaded by the first call that needs it. */
  static readonly layer = Layer.effect(Prices, make)
}
