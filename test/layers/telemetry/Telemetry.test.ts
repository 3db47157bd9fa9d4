/** Exported telemetry: spans in the caller's trace, the metrics of Prometheus, and the log, only if configured. */
import { describe, expect } from "bun:test"
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Calls } from "../../../layers/ledger/Calls.ts"
import { LineRateLimit } from "../../../layers/logging/LineRateLimit.ts"
import { Log } from "../../../layers/logging/Log.ts"
import { Ring } from "../../../layers/logging/LogRing.ts"
import { Metrics } from "../../../layers/telemetry/Metrics.ts"
import * as prometheus from "../../../layers/telemetry/prometheus.ts"
import * as Telemetry from "../../../layers/telemetry/Telemetry.ts"
import { collector, plain } from "../../support/collector.ts"
import { Identity } from "../../../src/domain/Identity.ts"
import { it } from "../../support/effect.ts"
import { parse } from "../../support/prometheusText.ts"
import { call, happen } from "./calls.ts"

const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
const parent = "00f067aa0ba902b7"

/** The log without outputs. */
const log = Layer.effect(
  Log,
  Effect.tap(Log.make(new Ring({ lines: 10, bytes: 10_000 }), new LineRateLimit(100)), (made) =>
    made.setLevel("info")
  )
)

const telemetry = (config: unknown, variables: Record<string, string> = {}) =>
  Telemetry.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Calls.layer,
        Metrics.layer,
        log,
        ConfigSource.layerFrom({ telemetry: config }, variables)
      )
    )
  )

/** Runs with telemetry to a new collector and returns the data that it received. */
const exporting = <A, E>(
  body: Effect.Effect<A, E, Calls | Metrics | Log>,
  otlp: Record<string, unknown> = {}
) =>
  Effect.gen(function* () {
    const got = yield* collector()
    const result = yield* Effect.provide(body, telemetry({ otlp: { endpoint: got.url, ...otlp } }))
    return { ...got, result }
  })

describe("spans", () => {
  it.live("are children of the caller's span and have the status of the call", () =>
    Effect.gen(function* () {
      const { requests, resources, spans } = yield* exporting(
        Effect.gen(function* () {
          yield* happen(call("echo", `00-${trace}-${parent}-01`))
          yield* happen(
            call("slow"),
            { status: "failed", errorClass: "TimeLimit", message: "too slow" },
            9,
            2
          )
          yield* happen(call("file:///x", undefined, "resource"), { status: "interrupted" })
        }),
        { headers: { authorization: "Bearer secret" } }
      )
      expect(spans.map(({ name }) => name)).toEqual(["tools/call echo", "tools/call slow", "resources/read"])
      const [echo, slow, file] = spans
      expect(echo).toMatchObject({ traceId: trace, parentSpanId: parent, kind: 2, status: { code: 1 } })
      expect(plain(echo?.attributes ?? [])).toMatchObject({
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "echo",
        "manifold.request_id": "request echo",
        "manifold.status": "succeeded",
        "enduser.id": "stdio"
      })
      expect(slow?.parentSpanId).toBeUndefined()
      expect(slow?.traceId).not.toBe(trace)
      expect(slow?.status).toEqual({ code: 2, message: "too slow" })
      expect(plain(slow?.attributes ?? [])).toMatchObject({ "error.type": "TimeLimit" })
      expect(slow?.events.map(({ name }) => name)).toEqual(["retry", "retry", "exception"])
      expect(plain(file?.attributes ?? [])).toMatchObject({
        "mcp.resource.uri": "file:///x",
        "manifold.status": "interrupted"
      })
      expect(resources[0]).toMatchObject({ "service.name": "manifold" })
      expect(requests.length).toBeGreaterThan(0)
      for (const { headers } of requests) expect(headers.get("authorization")).toBe("Bearer secret")
    })
  )

  it.live("have no secrets, and client-chosen text is limited as in the log", () =>
    Effect.gen(function* () {
      const uri = `web://user:hunter2@example.com/${"x".repeat(100_000)}`
      const failed = { status: "failed", errorClass: "NotFound", message: `not found: ${uri}` } as const
      const { spans } = yield* exporting(
        happen({ ...call("a page", undefined, "resource"), name: uri }, failed)
      )
      expect(spans[0]?.status.message).toStartWith("not found: web://<redacted>@example.com/")
      const text = JSON.stringify(spans)
      expect(text.includes("hunter2")).toBe(false)
      expect(text.length).toBeLessThan(50_000)
    })
  )

  it.live("of calls that the caller does not sample are not exported", () =>
    Effect.gen(function* () {
      const { spans } = yield* exporting(
        Effect.andThen(
          happen(call("unseen", `00-${trace}-${parent}-00`)),
          happen(call("seen", `00-${trace}-${parent}-01`))
        ),
        { sample_ratio: 0 }
      )
      expect(spans.map(({ name }) => name)).toEqual(["tools/call seen"])
    })
  )

  it.live("of calls without a trace are sampled by the configured ratio", () =>
    Effect.gen(function* () {
      const calls = Effect.forEach(Array.from({ length: 1000 }), (_, index) => happen(call(`t${index}`)))
      for (const [ratio, expected] of [
        [0, 0],
        [0.25, 250],
        [1, 1000]
      ] as const) {
        const { spans } = yield* exporting(calls, { sample_ratio: ratio })
        expect([ratio, spans.length]).toEqual([ratio, expected])
      }
    })
  )
})

it.live("exported metrics are those of Prometheus", () =>
  Effect.gen(function* () {
    const { metrics, result } = yield* exporting(
      Effect.gen(function* () {
        yield* happen(call("echo"), { status: "succeeded", cached: false }, 3)
        yield* happen(call("echo"), { status: "succeeded", cached: false }, 30)
        yield* happen(call("add"))
        return parse(prometheus.format((yield* Metrics).registry))
      })
    )
    const scraped = result.get("manifold_calls_total")?.samples
    const points = metrics.get("manifold_calls_total")?.sum?.dataPoints ?? []
    expect(points.length).toBe(2)
    for (const { asDouble, attributes } of points) {
      const { kind, name, status } = plain(attributes)
      const key = `manifold_calls_total{kind="${kind}",name="${name}",status="${status}"}`
      expect([key, asDouble]).toEqual([key, scraped?.get(key)])
    }
    const times = metrics
      .get("manifold_call_duration_seconds")
      ?.histogram?.dataPoints.find(({ attributes }) => plain(attributes)["name"] === "echo")
    expect(times).toMatchObject({ count: 2, sum: 0.033 })
    const within = (bound: number) => times?.bucketCounts?.[times.explicitBounds?.indexOf(bound) ?? -1]
    expect([within(0.005), within(0.05), within(0.1)]).toEqual([1, 1, 0])
    expect(metrics.has("process_resident_memory_bytes")).toBe(true)
  })
)

it.live("log lines are exported at the level of the log and without secrets", () =>
  Effect.gen(function* () {
    const { logs } = yield* exporting(
      Effect.map(Log, ({ report }) => {
        report("debug", "unheard", {})
        report("info", "first", { request_id: "r1", attempt: 2 })
        report("error", "second", { authorization: "Bearer s3cret", list: [1, "two"] })
      })
    )
    expect(
      logs.map(({ body, severityNumber, severityText }) => [
        Object.values(body)[0],
        severityNumber,
        severityText
      ])
    ).toEqual([
      ["first", 9, "info"],
      ["second", 17, "error"]
    ])
    expect(plain(logs[0]?.attributes ?? [])).toEqual({ request_id: "r1", attempt: 2 })
    expect(plain(logs[1]?.attributes ?? [])).toMatchObject({ list: '[1,"two"]' })
    expect(JSON.stringify(logs)).not.toContain("s3cret")
  })
)

it.live("without an endpoint no call is observed", () =>
  Effect.gen(function* () {
    const { observers } = yield* Calls
    expect(observers.size).toBe(0)
  }).pipe(Effect.provide(telemetry({})))
)

it.live("the standard OTEL variables configure telemetry", () =>
  Effect.gen(function* () {
    const got = yield* collector()
    const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: `${got.url}/`, OTEL_SERVICE_NAME: "gateway" }
    yield* happen(call("echo")).pipe(Effect.provide(telemetry({}, variables)))
    expect(got.spans).toHaveLength(1)
    expect(got.resources[0]).toMatchObject({ "service.name": "gateway" })
  })
)

it.live("the service name is that of the server by default", () =>
  Effect.gen(function* () {
    const got = yield* collector()
    yield* happen(call("echo")).pipe(
      Effect.provide(telemetry({ otlp: { endpoint: got.url } })),
      Effect.provideService(Identity, { name: "greeter", version: "2.1.0" })
    )
    expect(got.resources[0]).toMatchObject({ "service.name": "greeter", "service.version": "2.1.0" })
  })
)

it.live("an invalid endpoint or ratio is reported, and header values are not shown", () =>
  Effect.gen(function* () {
    const start = (otlp: unknown) => Effect.flip(Effect.void.pipe(Effect.provide(telemetry({ otlp }))))
    expect((yield* start({ endpoint: "localhost:4318" })).message).toContain("telemetry.otlp.endpoint")
    expect((yield* start({ sample_ratio: 2 })).message).toContain("telemetry.otlp.sample_ratio")
    const { message } = yield* start({ headers: { authorization: { s3cret: true } } })
    expect(message).toContain("telemetry.otlp.headers.authorization")
    expect(message).not.toContain("s3cret")
  })
)
