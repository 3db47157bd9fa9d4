/** OTLP client for a slow or unreachable collector: bounded concurrency, retries, and counts of dropped items. */
import { Clock, Duration, Effect, Schedule } from "effect"
import type { HttpBody } from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { OtlpSerialization } from "effect/observability/OtlpSerialization"
import { Metrics } from "./Metrics.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

export type Signal = "traces" | "logs" | "metrics"

/** Maximum items per batch. */
export const batchSize = 512
/** Maximum concurrent batches; further ones are dropped. */
const mostRunning = 4
/** Time-out of one attempt. */
const timeout = Duration.seconds(10)
const attempts = { times: 2, schedule: Schedule.exponential("1 second") }
/** How long effect's exporters pause after a dropped batch. */
const pause = Duration.toMillis(Duration.minutes(1))

/**
 * One per signal. `effect`'s exporters would queue batches without limit for a slow collector, retry each and drop
 * silently; this client has already retried and counted when it responds to them.
 */
export const make = Effect.fnUntraced(function* (signal: Signal) {
  const metrics = yield* Metrics
  const clock = yield* Clock.Clock
  const json = yield* OtlpSerialization
  const client = (yield* HttpClient.HttpClient).pipe(
    HttpClient.filterStatusOk,
    HttpClient.transformResponse(Effect.timeout(timeout)),
    HttpClient.retryTransient(attempts)
  )
  const count = (outcome: string) =>
    metrics.counter(
      "manifold_telemetry_items_total",
      "Spans, log records and metric reports for the collector, by outcome.",
      {
        signal,
        outcome
      }
    )
  const sent = count("sent")
  const dropped = count("dropped")
  const sizes = new WeakMap<HttpBody, number>()
  let running = 0
  let pausedUntil = 0

  const sized = (body: HttpBody, size: number) => {
    sizes.set(body, size)
    return body
  }

  const drop = (request: HttpClientRequest, size: number) =>
    Effect.sync(() => {
      dropped.add(size)
      pausedUntil = monotonicMillis(clock) + pause
      // A status that is not retried.
      return HttpClientResponse.fromWeb(request, new Response(null, { status: 424 }))
    })

  return {
    /** Whether an item is accepted; otherwise it is counted as dropped. */
    admits: (): boolean => {
      if (pausedUntil === 0 || monotonicMillis(clock) >= pausedUntil) return true
      dropped.add()
      return false
    },
    serialization: OtlpSerialization.of({
      traces: (data) => sized(json.traces(data), data.resourceSpans[0]?.scopeSpans[0]?.spans.length ?? 0),
      logs: (data) => sized(json.logs(data), data.resourceLogs[0]?.scopeLogs[0]?.logRecords?.length ?? 0),
      metrics: (data) => sized(json.metrics(data), 1)
    }),
    client: HttpClient.makeWith<HttpClientError, never, HttpClientError, never>(
      Effect.flatMap((request) => {
        const size = sizes.get(request.body) ?? 0
        if (running >= mostRunning) return drop(request, size)
        running++
        return client.execute(request).pipe(
          Effect.tap(() => Effect.sync(() => sent.add(size))),
          Effect.catch(() => drop(request, size)),
          Effect.ensuring(
            Effect.sync(() => {
              running--
            })
          )
        )
      }),
      Effect.succeed
    )
  }
})
