/** Prometheus text format, version 0.0.4. */
import { Context, Metric } from "effect"

export const contentType = "text/plain; version=0.0.4; charset=utf-8"

type Series = Metric.Metric.Metadata<unknown, unknown>
type Attributes = Series["attributes"]

const types = {
  Counter: "counter",
  Gauge: "gauge",
  Histogram: "histogram",
  Summary: "summary",
  Frequency: "counter"
} as const

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" }
const escape = (text: string) => text.replace(/[\\"\n]/g, (character) => escapes[character] ?? "")

/** Cache of serialized labels: a series is cachedLabels at each scrape. */
const cachedLabels = new WeakMap<NonNullable<Attributes>, string>()

const labelsOf = (attributes: Attributes): string => {
  if (attributes === undefined) return ""
  let text = cachedLabels.get(attributes)
  if (text === undefined) {
    text = Object.entries(attributes)
      .map(([name, value]) => `${name}="${escape(value)}"`)
      .join(",")
    cachedLabels.set(attributes, text)
  }
  return text
}

const show = (value: number): string =>
  value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value)

const histogram = (name: string, labels: string, { buckets, count, sum }: Metric.HistogramState): string => {
  const comma = labels === "" ? "" : ","
  const braced = labels === "" ? "" : `{${labels}}`
  let text = ""
  for (const [bound, total] of buckets) text += `${name}_bucket{${labels}${comma}le="${bound}"} ${total}\n`
  text += `${name}_bucket{${labels}${comma}le="+Inf"} ${count}\n`
  return `${text}${name}_sum${braced} ${show(sum)}\n${name}_count${braced} ${count}\n`
}

/** The lines of one series. `Metrics` makes no summaries and no frequencies. */
const line = ({ attributes, hooks, id, type }: Series, registry: Context.Context<never>): string => {
  const labels = labelsOf(attributes)
  const state = hooks.get(registry)
  if (type === "Histogram") return histogram(id, labels, state as Metric.HistogramState)
  const value =
    type === "Counter"
      ? (state as Metric.CounterState<number>).count
      : (state as Metric.GaugeState<number>).value
  return `${id}${labels === "" ? "" : `{${labels}}`} ${show(value)}\n`
}

/** All metrics of the registry, series grouped by name. */
export const format = (context: Context.Context<never>): string => {
  const families = new Map<string, string>()
  for (const series of Context.get(context, Metric.MetricRegistry).values() as Iterable<Series>) {
    const head = `# HELP ${series.id} ${series.description ?? ""}\n# TYPE ${series.id} ${types[series.type]}\n`
    families.set(series.id, (families.get(series.id) ?? head) + line(series, context))
  }
  return [...families.values()].join("")
}
