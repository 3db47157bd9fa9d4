/** Upper bounds of what a response may cost, cached for a minute: a price look-up takes longer than the rest of a request. */
import { type BigDecimal, Effect, type Option } from "effect"
import type { Prices } from "../ledger/Prices.ts"
import type { Provider } from "./Provider.ts"

type Bound = Option.Option<BigDecimal.BigDecimal>

/** In milliseconds: prices have dates. */
const ttl = 60_000
const maxEntries = 1000

/** By the operator's prices, so that a reload ends it. */
const cache = new WeakMap<object, Map<string, { readonly bound: Bound; readonly until: number }>>()

/** Rounds up by at most an eighth, so that prompts of similar length share an entry. */
export const roundedUp = (tokens: number): number => {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, tokens))) - 3)
  return Math.ceil(tokens / step) * step
}

export interface PlannedResponse {
  readonly model: string
  readonly inputTokens: number
  readonly maxOutputTokens: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** None: the price is unknown. */
export const upperBound = (
  prices: Prices["Service"],
  { baseUrl, name: provider }: Provider,
  { inputTokens, maxOutputTokens, model, now }: PlannedResponse
): Effect.Effect<Bound> => {
  const input = roundedUp(inputTokens)
  const key = JSON.stringify([provider, model, input, maxOutputTokens])
  const operators = prices.configured()
  let entries = cache.get(operators)
  if (entries === undefined) cache.set(operators, (entries = new Map()))
  const known = entries.get(key)
  if (known !== undefined && known.until > now) return Effect.succeed(known.bound)
  return Effect.map(
    prices.upperBound({ provider, model, baseUrl, inputTokens: input, maxOutputTokens }),
    (bound) => {
      if (entries.size >= maxEntries) entries.clear()
      entries.set(key, { bound, until: now + ttl })
      return bound
    }
  )
}
