/** Metrics of calls: count by status, duration, cost, and calls in progress. */
import { BigDecimal, Effect, Layer } from "effect"
import { type Call, type CallKind, Calls, type Outcome } from "../ledger/Calls.ts"
import { GenAiInstruments, operationOf } from "./genAi.ts"
import { type Counter, type Histogram, Metrics, seconds } from "./Metrics.ts"

/** Cardinality limit: maximum names per kind with their own series; further ones are `other`. */
export const mostNames = 200

type Ending = Outcome["status"] | "cached"

class Instruments {
  readonly #duration: Histogram
  readonly #genAi: GenAiInstruments | undefined
  readonly #counters: Partial<Record<Ending, Counter>> = {}
  readonly #count: (ending: Ending) => Counter
  readonly #countMoney: () => Counter
  #money: Counter | undefined

  constructor(metrics: Metrics["Service"], kind: CallKind, name: string) {
    this.#duration = metrics.histogram(
      "manifold_call_duration_seconds",
      "Duration of calls, from arrival to end.",
      seconds,
      { kind, name }
    )
    const operation = operationOf(kind)
    this.#genAi = operation && new GenAiInstruments(metrics, operation, name)
    this.#count = (status) =>
      metrics.counter("manifold_calls_total", "Completed calls by status.", { kind, name, status })
    this.#countMoney = () =>
      metrics.counter("manifold_spent_usd_total", "Cost of calls in USD.", { kind, name })
  }

  /** `duration` in seconds. */
  finished(outcome: Outcome, duration: number) {
    const { spent, status } = outcome
    const ending = status === "succeeded" && outcome.cached ? "cached" : status
    const counter = (this.#counters[ending] ??= this.#count(ending))
    counter.value++
    this.#duration.record(duration)
    this.#genAi?.record(duration, spent?.usage)
    if (spent !== undefined) (this.#money ??= this.#countMoney()).add(BigDecimal.toNumberUnsafe(spent.usd))
  }
}

const observe = Effect.gen(function* () {
  const metrics = yield* Metrics
  const calls = yield* Calls
  const kinds: Record<CallKind, Map<string, Instruments>> = {
    tool: new Map(),
    prompt: new Map(),
    resource: new Map(),
    completion: new Map(),
    model: new Map(),
    turn: new Map()
  }
  const limits = new Map<string, Counter>()
  const retries = metrics.counter("manifold_call_retries_total", "Retries of calls.")
  let running = 0
  yield* metrics.gauge("manifold_calls_running", "Calls in progress.", () => running)

  const instrumentsOf = ({ kind, name: asked, template }: Call): Instruments => {
    const name = template ?? asked
    const known = kinds[kind]
    const found = known.get(name)
    if (found !== undefined) return found
    const shown = known.size < mostNames ? name : "other"
    const made = known.get(shown) ?? new Instruments(metrics, kind, shown)
    known.set(shown, made)
    return made
  }

  const limitHit = (limit: string) => {
    let counter = limits.get(limit)
    if (counter === undefined) {
      counter = metrics.counter("manifold_limits_hit_total", "Calls rejected by a limit.", { limit })
      limits.set(limit, counter)
    }
    counter.value++
  }

  yield* calls.observe({
    received: () => {
      running++
    },
    retried: () => retries.add(),
    finished: (call, outcome, duration) => {
      running--
      instrumentsOf(call).finished(outcome, duration / 1000)
      if (outcome.status === "refused" && outcome.limit !== undefined) limitHit(outcome.limit)
    }
  })
})

/** Observes calls. One layer, so that layer memoization prevents counting a call twice. */
export const layer = Layer.effectDiscard(observe)
