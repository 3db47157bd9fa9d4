/** Counts every call: how many ended how, how long they took, how many run. */
import { Effect, Layer } from "effect"
import { Calls, type Call, type Outcome } from "../ledger/Calls.ts"
import { type Counter, type Histogram, Metrics, seconds } from "./Metrics.ts"

/** So many names of a kind are told apart; all further ones are `other`. */
export const mostNames = 200

type Ending = Outcome["status"] | "cached"

class Instruments {
  readonly duration: Histogram
  readonly #counters: Partial<Record<Ending, Counter>> = {}
  readonly #make: (ending: Ending) => Counter

  constructor(metrics: Metrics["Service"], kind: string, name: string) {
    this.duration = metrics.histogram(
      "manifold_call_duration_seconds",
      "Time from a call's arrival to its end.",
      seconds,
      { kind, name }
    )
    this.#make = (status) =>
      metrics.counter("manifold_calls_total", "Calls that ended, by how they did.", { kind, name, status })
  }

  ended(ending: Ending) {
    const counter = (this.#counters[ending] ??= this.#make(ending))
    counter.value++
  }
}

const observe = Effect.gen(function* () {
  const metrics = yield* Metrics
  const calls = yield* Calls
  const kinds: Record<Call["kind"], Map<string, Instruments>> = {
    tool: new Map(),
    prompt: new Map(),
    resource: new Map(),
    completion: new Map()
  }
  const limits = new Map<string, Counter>()
  const retries = metrics.counter("manifold_call_retries_total", "Handlers that were started once more.")
  let running = 0
  yield* metrics.gauge("manifold_calls_running", "Calls that arrived and did not end.", () => running)

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
      counter = metrics.counter("manifold_limits_hit_total", "Calls that a limit refused.", { limit })
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
      const instruments = instrumentsOf(call)
      instruments.duration.record(duration / 1000)
      instruments.ended(outcome.status === "succeeded" && outcome.cached ? "cached" : outcome.status)
      if (outcome.status === "refused" && outcome.limit !== undefined) limitHit(outcome.limit)
    }
  })
})

/** Observes calls while it lives. One layer, so that no call is counted twice by two who ask for it. */
export const layer = Layer.effectDiscard(observe)
