/** The numbers that the program keeps about itself: plain counters on the hot path, read when somebody asks for them. */
import { Context, Effect, Layer, Metric, type Scope } from "effect"

export type Labels = Readonly<Record<string, string>>

/** Only goes up. */
export class Counter {
  value = 0
  add(amount = 1) {
    this.value += amount
  }
}

/** How values are spread. */
export class Histogram {
  /** Upper bounds, each included in its bucket, in ascending order. */
  readonly bounds: ReadonlyArray<number>
  /** One more than there are bounds. */
  readonly counts: Array<number>
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY

  constructor(bounds: ReadonlyArray<number>) {
    this.bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  record(value: number) {
    const { bounds } = this
    let at = 0
    // NaN belongs nowhere, so it ends in the last bucket.
    while (at < bounds.length && !(value <= (bounds[at] ?? 0))) at++
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }
}

/** For times in seconds, from a cached answer to the longest call. */
export const seconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60
] as const

const stateOf = (histogram: Histogram): Metric.HistogramState => {
  let total = 0
  const buckets = histogram.bounds.map((bound, index): [number, number] => {
    total += histogram.counts[index] ?? 0
    return [bound, total]
  })
  const { count, max, min, sum } = histogram
  return { buckets, count, sum, min: count === 0 ? 0 : min, max: count === 0 ? 0 : max }
}

/** Names are those of Prometheus: `manifold_…`, with the unit at the end, and `_total` for what only goes up. */
export class Metrics extends Context.Service<
  Metrics,
  {
    /** A counter that stays until the program ends. Ask once and keep it. */
    readonly counter: (name: string, help: string, labels?: Labels) => Counter
    readonly histogram: (
      name: string,
      help: string,
      bounds: ReadonlyArray<number>,
      labels?: Labels
    ) => Histogram
    /** A number that is read when it is asked for, while the scope is open. `read` must neither throw nor wait. */
    readonly gauge: (
      name: string,
      help: string,
      read: () => number,
      labels?: Labels
    ) => Effect.Effect<void, never, Scope.Scope>
    /** The same for a number that somebody else counts up. */
    readonly total: (
      name: string,
      help: string,
      read: () => number,
      labels?: Labels
    ) => Effect.Effect<void, never, Scope.Scope>
    /** Where `effect` finds the same numbers: its exporters read this registry, and nothing else is in it. */
    readonly registry: Context.Context<never>
  }
>()("manifold/telemetry/Metrics") {
  static readonly layer = Layer.sync(Metrics, () => {
    const registry = Context.make(Metric.MetricRegistry, new Map())

    const register = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State) =>
      // The values are ours, so nothing is ever written through the registry.
      Metric.registerUnsafe(metric, registry, { get, update: () => {}, modify: () => {} })
    const describe = (description: string, attributes: Labels = {}) => ({ description, attributes })

    const scoped = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State) =>
      Effect.acquireRelease(
        Effect.sync(() => register(metric, get)),
        (registration) => Effect.sync(registration.remove)
      ).pipe(Effect.asVoid)

    return Metrics.of({
      counter: (name, help, labels) => {
        const counter = new Counter()
        const metric = Metric.counter(name, { ...describe(help, labels), incremental: true })
        register(metric, () => ({ count: counter.value, incremental: true }))
        return counter
      },
      histogram: (name, help, boundaries, labels) => {
        const histogram = new Histogram(boundaries)
        register(Metric.histogram(name, { ...describe(help, labels), boundaries }), () => stateOf(histogram))
        return histogram
      },
      gauge: (name, help, read, labels) =>
        scoped(Metric.gauge(name, describe(help, labels)), () => ({ value: read() })),
      total: (name, help, read, labels) =>
        scoped(Metric.counter(name, { ...describe(help, labels), incremental: true }), () => ({
          count: read(),
          incremental: true
        })),
      registry
    })
  })
}
