/** Metrics registry: plain counters on the hot path, read at scrape or export. */
import { Context, Effect, Layer, Metric, type Scope } from "effect"

export type Labels = Readonly<Record<string, string>>

/** A monotonic counter. */
export class Counter {
  value = 0
  add(amount = 1) {
    this.value += amount
  }
}

/** A histogram. */
export class Histogram {
  /** Upper bounds, each included in its bucket, in ascending order. */
  readonly bounds: ReadonlyArray<number>
  /** Per bucket; one more than bounds. */
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
    // NaN is counted in the last bucket.
    while (at < bounds.length && !(value <= (bounds[at] ?? 0))) at++
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }
}

/** Buckets for durations in seconds, from cached results to long calls. */
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

/** Prometheus naming: `manifold_…`, unit suffix, `_total` for counters. */
export class Metrics extends Context.Service<
  Metrics,
  {
    /** Registers a counter for the lifetime of the program. Call it once per series. */
    readonly counter: (name: string, help: string, labels?: Labels) => Counter
    readonly histogram: (
      name: string,
      help: string,
      bounds: ReadonlyArray<number>,
      labels?: Labels
    ) => Histogram
    /** A gauge that is read at scrape, while the scope is open. `read` must be synchronous and must not throw. */
    readonly gauge: (
      name: string,
      help: string,
      read: () => number,
      labels?: Labels
    ) => Effect.Effect<void, never, Scope.Scope>
    /** The same for a counter that is kept elsewhere. */
    readonly total: (
      name: string,
      help: string,
      read: () => number,
      labels?: Labels
    ) => Effect.Effect<void, never, Scope.Scope>
    /** The same metrics for effect's exporters; contains nothing else. */
    readonly registry: Context.Context<never>
  }
>()("manifold/telemetry/Metrics") {
  static readonly layer = Layer.sync(Metrics, () => {
    const registry = Context.make(Metric.MetricRegistry, new Map())

    const register = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State) =>
      // Values are kept here: nothing is written through the registry.
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
