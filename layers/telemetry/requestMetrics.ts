/** Counts HTTP requests for the listener: by method and class of status, how long their answers took, how many wait. */
import { Effect } from "effect"
import type { RequestObserver } from "../http/ListenerOptions.ts"
import { type Counter, type Histogram, Metrics, seconds } from "./Metrics.ts"

/** Every other method is `other`: callers can make up any. */
const methods = ["GET", "POST", "DELETE", "HEAD", "OPTIONS", "other"] as const
const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const

interface Instruments {
  readonly duration: Histogram
  /** By the first digit of the status. */
  readonly counters: Array<Counter | undefined>
}

export const make = Effect.gen(function* () {
  const metrics = yield* Metrics
  const byMethod = new Map<string, Instruments>()
  let running = 0
  yield* metrics.gauge(
    "manifold_http_requests_running",
    "Requests whose answer has not begun.",
    () => running
  )

  const instrumentsOf = (method: string): Instruments => {
    const shown = methods.find((each) => each === method) ?? "other"
    let found = byMethod.get(shown)
    if (found === undefined) {
      const duration = metrics.histogram(
        "manifold_http_request_duration_seconds",
        "Time from a request's arrival to the beginning of its answer.",
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
        "Requests that were answered.",
        { method: methods.find((each) => each === method) ?? "other", status: classes[digit - 1] ?? "other" }
      ))
      counter.value++
    }
  }
  return observer
})
