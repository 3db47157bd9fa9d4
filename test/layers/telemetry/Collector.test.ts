/** A slow, broken or unreachable collector: bounded memory, and dropped data is counted. */
import { expect } from "bun:test"
import { Effect, Fiber, Layer } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import { TestClock } from "effect/testing"
import * as Collector from "../../../layers/telemetry/Collector.ts"
import { Metrics } from "../../../layers/telemetry/Metrics.ts"
import * as prometheus from "../../../layers/telemetry/prometheus.ts"
import { collector } from "../../support/collector.ts"
import { it } from "../../support/effect.ts"
import { parse } from "../../support/prometheusText.ts"

const services = Layer.mergeAll(Metrics.layer, FetchHttpClient.layer, OtlpSerialization.layerJson)

const outcomes = Effect.map(Metrics, ({ registry }) => {
  const samples = parse(prometheus.format(registry)).get("manifold_telemetry_items_total")?.samples
  const of = (outcome: string) =>
    samples?.get(`manifold_telemetry_items_total{signal="traces",outcome="${outcome}"}`)
  return { sent: of("sent"), dropped: of("dropped") }
})

/** A batch of two spans, and the status that the exporter gets for it. */
const send = (collecting: Effect.Success<ReturnType<typeof Collector.make>>, url: string) => {
  const span = {
    traceId: "1".repeat(32),
    spanId: "2".repeat(16),
    parentSpanId: undefined,
    name: "x",
    kind: 2,
    startTimeUnixNano: "1",
    endTimeUnixNano: "2",
    attributes: [],
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    status: { code: 1 as const },
    links: [],
    droppedLinksCount: 0
  }
  const body = collecting.serialization.traces({
    resourceSpans: [
      {
        resource: { attributes: [], droppedAttributesCount: 0 },
        scopeSpans: [{ scope: { name: "test" }, spans: [span, span] }]
      }
    ]
  })
  const request = HttpClientRequest.setBody(HttpClientRequest.post(`${url}/v1/traces`), body)
  return Effect.map(collecting.client.execute(request), ({ status }) => status)
}

/** Advances the clock until the fiber has ended, 20 times faster than real time, so that the network is never slower. */
const pass = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function* () {
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("20 millis")
      yield* Effect.promise(() => Bun.sleep(1))
    }
    return yield* Fiber.join(fiber)
  })

it.effect("data that arrives is counted as sent, even after the collector was busy at first", () =>
  Effect.gen(function* () {
    let busy = 2
    const got = yield* collector(() => (busy-- > 0 ? new Response(null, { status: 503 }) : Response.json({})))
    const collecting = yield* Collector.make("traces")
    expect(yield* pass(yield* Effect.forkChild(send(collecting, got.url)))).toBe(200)
    expect(got.requests).toHaveLength(3)
    expect(got.spans).toHaveLength(2)
    expect(yield* outcomes).toEqual({ sent: 2, dropped: 0 })
    expect(collecting.admits()).toBe(true)
  }).pipe(Effect.provide(services))
)

it.effect("an unreachable collector gets no data for a minute, and the data is dropped", () =>
  Effect.gen(function* () {
    const { url } = yield* Effect.scoped(collector())
    const collecting = yield* Collector.make("traces")
    expect(yield* pass(yield* Effect.forkChild(send(collecting, url)))).toBe(424)
    expect(yield* outcomes).toEqual({ sent: 0, dropped: 2 })
    expect(collecting.admits()).toBe(false)
    expect(yield* outcomes).toEqual({ sent: 0, dropped: 3 })
    yield* TestClock.adjust("1 minute")
    expect(collecting.admits()).toBe(true)
  }).pipe(Effect.provide(services))
)

it.effect("a collector that never responds holds at most four batches, each up to its time limit", () =>
  Effect.gen(function* () {
    const { url } = yield* collector(() => new Promise<Response>(() => {}))
    const collecting = yield* Collector.make("traces")
    const running = yield* Effect.forEach(Array.from({ length: 4 }), () =>
      Effect.forkChild(send(collecting, url), { startImmediately: true })
    )
    expect(yield* send(collecting, url)).toBe(424)
    expect(yield* outcomes).toEqual({ sent: 0, dropped: 2 })
    for (const fiber of running) expect(yield* pass(fiber)).toBe(424)
    expect(yield* outcomes).toEqual({ sent: 0, dropped: 10 })
  }).pipe(Effect.provide(services))
)

it.effect("a collector that rejects a batch gets no retry", () =>
  Effect.gen(function* () {
    const got = yield* collector(() => new Response(null, { status: 401 }))
    const collecting = yield* Collector.make("traces")
    expect(yield* pass(yield* Effect.forkChild(send(collecting, got.url)))).toBe(424)
    expect(got.requests).toHaveLength(1)
  }).pipe(Effect.provide(services))
)
