/** Metrics of HTTP requests: count by method and status class, time to response, and requests in progress. */
import { Effect } from "effect"
import type { RequestObserver } from "../http/ListenerOptions.ts"
import { type Counter, type Histogram, Metrics, seconds } from "./Metrics.ts"

/** All other methods are counted as `other`, to limit cardinality. */
const methods = ["GET", "POST", "DELETE", "HEAD", "OPTIONS", "other"] as const
const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const

interface Instruments {
  readonly duration: Histogram
  /** By the first digit of the status code. */
  readonly counters: Array<Counter | undefined>
}

export const make = Effect.gen(function* () {
  const metrics = yield* Metrics
  const byMethod = new Map<string, Instruments>()
  let running = 0
  yield* metrics.gauge(
    "manifold_http_requests_running",
    "HTTP requests in progress, until the response begins.",
    () => running
  )

  const instrumentsOf = (method: string): Instruments => {
    const shown = methods.find((each) => each === method) ?? "other"
    let found = byMethod.get(shown)
    if (found === undefined) {
      const duration = metrics.histogram(
        "manifold_http_request_duration_seconds",
        "Time from the arrival of an HTTP request to the start of its response.",
        seconds,
        { method: shown }
      )
      found = { duration, counters: [] }
      byMethod.set(shown, found)
    }
    return found
  }

  const observer: RequestObserver = {
    began: () => {
      running++
    },
    answered: (method, status, millis) => {
      running--
      const { counters, duration } = byMethod.get(method) ?? instrumentsOf(method)
      duration.record(millis / 1000)
      const digit = Math.trunc(status / 100)
      const counter = (counters[digit] ??= metrics.counter(
        "manifold_http_requests_total",
        "HTTP requests by method and status class.",
        { method: methods.find((each) => each === method) ?? "other", status: classes[digit - 1] ?? "other" }
      ))
      counter.value++
    }
  }
  return observer
})
