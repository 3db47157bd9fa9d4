/** The way to an OTLP collector that may be slow or gone: what waits for it is bounded, what it did not get is counted. */
import { Clock, Duration, Effect, Schedule } from "effect"
import type { HttpBody } from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { OtlpSerialization } from "effect/observability/OtlpSerialization"
import { Metrics } from "./Metrics.ts"

export type Signal = "traces" | "logs" | "metrics"

/** Items that are sent together. */
export const batchSize = 512
/** Batches that are on their way at once; a further one is given up. */
const mostRunning = 4
/** How long the collector may take for one, each time. */
const patience = Duration.seconds(10)
const attempts = { times: 2, schedule: Schedule.exponential("1 second") }
/** How long effect's exporters stay silent once a batch was given up. */
const silence = Duration.toMillis(Duration.minutes(1))

/**
 * One for each signal. `effect`'s exporters would keep any number of batches for a slow collector, repeat each on its
 * own, and throw away in silence; so they see a client that has done all that when it answers.
 */
export const make = Effect.fnUntraced(function* (signal: Signal) {
  const metrics = yield* Metrics
  const clock = yield* Clock.Clock
  const json = yield* OtlpSerialization
  const client = (yield* HttpClient.HttpClient).pipe(
    HttpClient.filterStatusOk,
    HttpClient.transformResponse(Effect.timeout(patience)),
    HttpClient.retryTransient(attempts)
  )
  const count = (outcome: string) =>
    metrics.counter("manifold_telemetry_items_total", "Spans, log lines and reports for the collector.", {
      signal,
      outcome
    })
  const sent = count("sent")
  const dropped = count("dropped")
  const sizes = new WeakMap<HttpBody, number>()
  let running = 0
  let silentUntil = 0

  const sized = (body: HttpBody, size: number) => {
    sizes.set(body, size)
    return body
  }

  const giveUp = (request: HttpClientRequest, size: number) =>
    Effect.sync(() => {
      dropped.add(size)
      silentUntil = clock.currentTimeMillisUnsafe() + silence
      // A status that nobody repeats a request for.
      return HttpClientResponse.fromWeb(request, new Response(null, { status: 424 }))
    })

  return {
    /** Whether an item will be kept; if not, it is counted. */
    admits: (): boolean => {
      if (silentUntil === 0 || clock.currentTimeMillisUnsafe() >= silentUntil) return true
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
        if (running >= mostRunning) return giveUp(request, size)
        running++
        return client.execute(request).pipe(
          Effect.tap(() => Effect.sync(() => sent.add(size))),
          Effect.catch(() => giveUp(request, size)),
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
