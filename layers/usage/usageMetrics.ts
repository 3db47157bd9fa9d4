/** Metrics of usage: tokens by model, and limits of all principals together with their spent and held amounts. */
import { Effect, Scope } from "effect"
import type { Spent } from "../ledger/Spend.ts"
import { type Counter, Metrics } from "../telemetry/Metrics.ts"
import { type Tokens, tokensOf } from "./callRow.ts"
import { countedFor, type Limit, sumOf, type UsedRow } from "./limits.ts"
import { usdNumberOf } from "./money.ts"

const help =
  "Tokens used by models, by type. Cached and cache-write tokens are part of the input, reasoning tokens of the output."

/** Maximum number of models with a separate series; all others are `other`. */
const mostModels = 100

const types = [
  ["input", "input_tokens"],
  ["output", "output_tokens"],
  ["cached_input", "cached_input_tokens"],
  ["cache_write_input", "cache_write_input_tokens"],
  ["reasoning", "reasoning_tokens"]
] as const

/** The counters of one model; a type that is never used has no counter. */
class Counters {
  readonly #metrics: Metrics["Service"]
  readonly #labels: Readonly<Record<string, string>>
  readonly #counters: Partial<Record<(typeof types)[number][0], Counter>> = {}

  constructor(metrics: Metrics["Service"], labels: Readonly<Record<string, string>>) {
    this.#metrics = metrics
    this.#labels = labels
  }

  add(tokens: Tokens) {
    for (const [type, name] of types) {
      if (tokens[name] === 0) continue
      const counter = (this.#counters[type] ??= this.#metrics.counter("manifold_tokens_total", help, {
        ...this.#labels,
        type
      }))
      counter.add(tokens[name])
    }
  }
}

const all = { source: "", principal: "" }

export const makeUsageMetrics = Effect.gen(function* () {
  const metrics = yield* Metrics
  const scope = yield* Effect.scope
  const models = new Map<string, Counters>()
  /** By limit. */
  const seen = new Map<string, { max: number; spent: number; held: number }>()

  /** The counters of a model, by type. */
  const countersOf = ({ model = "", provider = "" }: Spent) => {
    const key = JSON.stringify([provider, model])
    const known = models.get(key)
    if (known !== undefined) return known
    const isShown = models.size < mostModels
    const labels = isShown ? { provider, model } : { provider: "other", model: "other" }
    const other = isShown ? undefined : models.get(JSON.stringify(labels))
    const counters = other ?? new Counters(metrics, labels)
    models.set(isShown ? key : JSON.stringify(labels), counters)
    return counters
  }

  const gauges = (limit: string) =>
    Effect.forEach(
      [
        ["max", "Cost limit, in USD."],
        ["spent", "Amount spent in the window of the limit, in USD, at the last update of this process."],
        ["held", "Amount held for running calls, in USD, at the last update of this process."]
      ] as const,
      ([name, description]) =>
        metrics.gauge(`manifold_budget_${name}_usd`, description, () => seen.get(limit)?.[name] ?? 0, {
          limit
        }),
      { discard: true }
    ).pipe(Effect.provideService(Scope.Scope, scope))

  return {
    spent: (spent: Spent) => {
      countersOf(spent).add(tokensOf(spent))
    },
    seen: Effect.fnUntraced(function* (
      limits: ReadonlyArray<Limit>,
      rows: ReadonlyArray<UsedRow>,
      hour: number
    ) {
      for (const limit of limits) {
        if (limit.isOwn) continue
        const isNew = !seen.has(limit.name)
        const counted = countedFor(limit, rows, all, hour)
        seen.set(limit.name, {
          max: usdNumberOf(limit.max),
          spent: usdNumberOf(sumOf(counted.filter(({ held }) => !held))),
          held: usdNumberOf(sumOf(counted.filter(({ held }) => held)))
        })
        if (isNew) yield* gauges(limit.name)
      }
    })
  }
})
