/** Metrics: counters, labels, bounded series, and the Prometheus text format. */
import { describe, expect, test } from "bun:test"
import { Effect, Exit, Layer, Scope } from "effect"
import * as fc from "fast-check"
import { Calls } from "../../../layers/ledger/Calls.ts"
import * as callMetrics from "../../../layers/telemetry/callMetrics.ts"
import { Histogram, Metrics } from "../../../layers/telemetry/Metrics.ts"
import * as prometheus from "../../../layers/telemetry/prometheus.ts"
import * as requestMetrics from "../../../layers/telemetry/requestMetrics.ts"
import { it } from "../../support/effect.ts"
import { parse } from "../../support/prometheusText.ts"
import { call, happen } from "./calls.ts"

const read = Effect.map(Metrics, ({ registry }) => parse(prometheus.format(registry)))
const sample = (family: string, key: string) =>
  Effect.map(read, (families) => families.get(family)?.samples.get(key))

const observed = callMetrics.layer.pipe(Layer.provideMerge(Layer.mergeAll(Calls.layer, Metrics.layer)))

describe("metrics of calls", () => {
  it.effect("count by kind, name and status, and have the duration in seconds", () =>
    Effect.gen(function* () {
      yield* happen(call("echo"), { status: "succeeded", cached: false }, 3)
      yield* happen(call("echo"), { status: "succeeded", cached: true }, 0.1)
      yield* happen(call("echo"), { status: "failed", errorClass: "Boom", message: "boom" }, 3000, 2)
      yield* happen(call("echo", undefined, "prompt"), { status: "interrupted" }, 1)
      const families = yield* read
      const totals = families.get("manifold_calls_total")?.samples
      expect(totals?.get('manifold_calls_total{kind="tool",name="echo",status="succeeded"}')).toBe(1)
      expect(totals?.get('manifold_calls_total{kind="tool",name="echo",status="cached"}')).toBe(1)
      expect(totals?.get('manifold_calls_total{kind="tool",name="echo",status="failed"}')).toBe(1)
      expect(totals?.get('manifold_calls_total{kind="prompt",name="echo",status="interrupted"}')).toBe(1)
      const times = families.get("manifold_call_duration_seconds")?.samples
      expect(times?.get('manifold_call_duration_seconds_sum{kind="tool",name="echo"}')).toBeCloseTo(3.0031, 6)
      expect(times?.get('manifold_call_duration_seconds_bucket{kind="tool",name="echo",le="0.005"}')).toBe(2)
      expect(times?.get('manifold_call_duration_seconds_bucket{kind="tool",name="echo",le="10"}')).toBe(3)
      expect(yield* sample("manifold_call_retries_total", "manifold_call_retries_total")).toBe(2)
      expect(yield* sample("manifold_calls_running", "manifold_calls_running")).toBe(0)
    }).pipe(Effect.provide(observed))
  )

  it.effect("that a limit rejected have the label of that limit", () =>
    Effect.gen(function* () {
      const refused = { status: "refused", errorClass: "RateLimited", message: "slow down" } as const
      yield* happen(call("echo"), { ...refused, limit: "rate" })
      yield* happen(call("echo"), { ...refused, limit: "rate" })
      yield* happen(call("echo"), refused)
      const key = 'manifold_limits_hit_total{limit="rate"}'
      expect(yield* sample("manifold_limits_hit_total", key)).toBe(2)
    }).pipe(Effect.provide(observed))
  )

  it.effect("of resources have the template as name, so that series are bounded", () =>
    Effect.gen(function* () {
      const template = "output://{client}/{project}/{file}"
      for (const file of ["a", "b", "x".repeat(100_000)]) {
        yield* happen({ ...call(`output://acme/launch/${file}`, undefined, "resource"), template })
      }
      const samples = (yield* read).get("manifold_calls_total")?.samples
      expect([...(samples ?? [])]).toEqual([
        [`manifold_calls_total{kind="resource",name="${template}",status="succeeded"}`, 3]
      ])
    }).pipe(Effect.provide(observed))
  )

  it.effect("beyond the maximum of names share one series", () =>
    Effect.gen(function* () {
      for (let index = 0; index < callMetrics.mostNames + 50; index++) yield* happen(call(`tool ${index}`))
      const samples = (yield* read).get("manifold_calls_total")?.samples
      expect(samples?.size).toBe(callMetrics.mostNames + 1)
      expect(samples?.get('manifold_calls_total{kind="tool",name="other",status="succeeded"}')).toBe(50)
    }).pipe(Effect.provide(observed))
  )

  it.effect("observe each call once for several exporters", () =>
    Effect.gen(function* () {
      yield* happen(call("echo"))
      const key = 'manifold_calls_total{kind="tool",name="echo",status="succeeded"}'
      expect(yield* sample("manifold_calls_total", key)).toBe(1)
    }).pipe(
      Effect.provide(
        Layer.mergeAll(Layer.provide(Layer.empty, callMetrics.layer), callMetrics.layer).pipe(
          Layer.provideMerge(Layer.mergeAll(Calls.layer, Metrics.layer))
        )
      )
    )
  )
})

it.effect("requests are counted by method and status class, and an unknown method is `other`", () =>
  Effect.gen(function* () {
    const observer = yield* requestMetrics.make
    const answered = (method: string, status: number) => {
      observer.began()
      observer.answered(method, status, 2)
    }
    answered("GET", 200)
    answered("GET", 204)
    answered("POST", 503)
    answered("GET", 101)
    answered("PROPFIND", 405)
    answered("X\ny", 405)
    observer.began()
    const families = yield* read
    const totals = families.get("manifold_http_requests_total")?.samples
    expect(Object.fromEntries(totals ?? [])).toEqual({
      'manifold_http_requests_total{method="GET",status="2xx"}': 2,
      'manifold_http_requests_total{method="GET",status="1xx"}': 1,
      'manifold_http_requests_total{method="POST",status="5xx"}': 1,
      'manifold_http_requests_total{method="other",status="4xx"}': 2
    })
    expect(yield* sample("manifold_http_requests_running", "manifold_http_requests_running")).toBe(1)
  }).pipe(Effect.provide(Metrics.layer))
)

it.effect("a gauge is read when it is scraped and removed with its scope", () =>
  Effect.gen(function* () {
    const metrics = yield* Metrics
    const scope = yield* Scope.make()
    let open = 3
    yield* Scope.provide(
      metrics.gauge("manifold_things", "Things.", () => open, { of: "x" }),
      scope
    )
    expect(yield* sample("manifold_things", 'manifold_things{of="x"}')).toBe(3)
    open = 4
    expect(yield* sample("manifold_things", 'manifold_things{of="x"}')).toBe(4)
    metrics.counter("manifold_other_total", "Others.")
    yield* Scope.close(scope, Exit.void)
    expect((yield* read).has("manifold_things")).toBe(false)
  }).pipe(Effect.provide(Metrics.layer))
)

test("any label value is escaped and can be parsed back", () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: "binary" }), { minLength: 1 }), (values) =>
      Effect.gen(function* () {
        const metrics = yield* Metrics
        for (const value of new Set(values)) metrics.counter("a_total", "A.", { value }).add()
        const samples = (yield* read).get("a_total")?.samples ?? new Map<string, number>()
        const back = [...samples.keys()].map((key) =>
          key
            .slice('a_total{value="'.length, -2)
            .replace(/\\([^])/g, (_, sign: string) => (sign === "n" ? "\n" : sign))
        )
        expect(back.toSorted()).toEqual([...new Set(values)].toSorted())
      }).pipe(Effect.provide(Metrics.layer), Effect.runPromise)
    )
  ))

test("every value is in the bucket of the lowest bound that is not below it", () => {
  const bounds = [1, 2, 5, 10]
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1, max: 20, noNaN: true })), (values) => {
      const histogram = new Histogram(bounds)
      for (const value of values) histogram.record(value)
      expect(histogram.count).toBe(values.length)
      const expected = [...bounds, Infinity].map(
        (bound, index, all) =>
          values.filter((value) => value <= bound && value > (all[index - 1] ?? -Infinity)).length
      )
      expect(histogram.counts).toEqual(expected)
    })
  )
})
