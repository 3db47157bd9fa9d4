/** Metrics of proxied requests by host; of at most 100 hosts, all others together. */
import { Effect } from "effect"
import { type Counter, type Histogram, Metrics, seconds } from "../../telemetry/Metrics.ts"

const maxHosts = 100
const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const

interface Instruments {
  readonly host: string
  readonly duration: Histogram
  /** By the first digit of the status code. */
  readonly counters: Array<Counter | undefined>
}

export const makeHostMetrics = Effect.map(Metrics, (metrics) => {
  const byHost = new Map<string, Instruments>()
  const make = (host: string): Instruments => ({
    host,
    duration: metrics.histogram(
      "manifold_proxy_request_duration_seconds",
      "Time from the arrival of a proxied request to the end of its response.",
      seconds,
      { host }
    ),
    counters: []
  })
  let others: Instruments | undefined

  const instrumentsOf = (host: string): Instruments => {
    if (byHost.size >= maxHosts) return (others ??= make("other"))
    const made = make(host)
    byHost.set(host, made)
    return made
  }

  /** `host`: of the entry, not of the request. `millis`: until the end of the response or WebSocket. */
  return (host: string, status: number, millis: number) => {
    const { counters, duration, host: label } = byHost.get(host) ?? instrumentsOf(host)
    duration.record(millis / 1000)
    const digit = Math.trunc(status / 100)
    const counter = (counters[digit] ??= metrics.counter(
      "manifold_proxy_requests_total",
      "Proxied requests by host and status class.",
      { host: label, status: classes[digit - 1] ?? "other" }
    ))
    counter.value++
  }
})
