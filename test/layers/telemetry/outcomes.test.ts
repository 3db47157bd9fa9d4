/** One call in the log, the metrics, the progress events and the spans: all have the same status. */
import { describe, expect } from "bun:test"
import { Effect, Layer, Tracer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Budget } from "../../../layers/guard/Budget.ts"
import { Guard } from "../../../layers/guard/Guard.ts"
import { Calls, RunningCall } from "../../../layers/ledger/Calls.ts"
import { Journal } from "../../../layers/ledger/Journal.ts"
import { Spend } from "../../../layers/ledger/Spend.ts"
import * as CallLog from "../../../layers/logging/CallLog.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Progress } from "../../../layers/progress/Progress.ts"
import { ProgressEvents } from "../../../layers/progress/ProgressEvents.ts"
import * as callMetrics from "../../../layers/telemetry/callMetrics.ts"
import { observe } from "../../../layers/telemetry/callSpans.ts"
import { Metrics } from "../../../layers/telemetry/Metrics.ts"
import * as prometheus from "../../../layers/telemetry/prometheus.ts"
import { suspension } from "../../../src/domain/Transient.ts"
import { usd } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { parse } from "../../support/prometheusText.ts"
import { subject, type Wanted } from "../../support/guard.ts"
import { capture, parse as parseLine } from "../logging/capture.ts"

const layer = Layer.mergeAll(
  Guard.layer.pipe(Layer.provide(Budget.layerUnlimited)),
  CallLog.layer,
  callMetrics.layer,
  ProgressEvents.layer.pipe(Layer.provide(Ids.layer))
).pipe(
  Layer.provideMerge(Layer.mergeAll(Calls.layer, Journal.layer, Metrics.layer)),
  Layer.provide(ConfigSource.layerFrom({}))
)

/** Created spans, in order. */
const tracing = () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

/** Runs one call whose handler first reports progress, and returns its four records. */
const seen = (
  wanted: Wanted,
  self: Effect.Effect<unknown, unknown, Progress | Spend | Guard | ProgressEvents>
) =>
  Effect.gen(function* () {
    const { spans, tracer } = tracing()
    const events: Array<string> = []
    let metrics: ReturnType<typeof parse> = new Map()
    const program = Effect.gen(function* () {
      yield* observe(tracer, 1, () => true)
      const { protect } = yield* Guard
      const { track } = yield* ProgressEvents
      const made = subject(wanted)
      const tracker = track(made.call, ({ event_type }) => events.push(event_type))
      const reporting = Effect.andThen(
        Effect.flatMap(Progress, ({ report }) => report({ progress: 1, total: 2 })),
        self
      )
      yield* Effect.exit(protect({ ...made, tracker }, reporting))
      metrics = parse(prometheus.format((yield* Metrics).registry))
    }).pipe(Effect.scoped, Effect.provide(layer))
    const { stderr } = yield* capture(program, { logging: { level: "info" } })
    const [line] = stderr.map(parseLine).filter(({ message }) => message === "call finished")
    return { events, line, metrics, spans }
  })

const ends: Record<string, readonly [Effect.Effect<unknown, unknown>, string, string]> = {
  suspended: [Effect.die({ [suspension]: true }), "progress_suspended", "Success"],
  succeeded: [Effect.void, "progress_completed", "Success"],
  failed: [Effect.fail("no"), "progress_failed", "Failure"],
  died: [Effect.die("broken"), "progress_failed", "Failure"],
  interrupted: [Effect.interrupt, "progress_interrupted", "Failure"]
}

for (const [status, [self, event, exit]] of Object.entries(ends)) {
  it.effect(`a call with the status ${status} has it in the log, metrics, events and spans`, () =>
    Effect.gen(function* () {
      const { events, line, metrics, spans } = yield* seen({ name: "ask" }, self)
      expect(line).toMatchObject({ name: "ask", status })
      expect([...(metrics.get("manifold_calls_total")?.samples ?? [])]).toEqual([
        [`manifold_calls_total{kind="tool",name="ask",status="${status}"}`, 1]
      ])
      expect(events).toEqual(["progress_started", event])
      expect(spans.map(({ attributes }) => attributes.get("manifold.status"))).toEqual([status])
      expect(spans[0]?.status).toMatchObject({ _tag: "Ended", exit: { _tag: exit } })
    })
  )
}

describe("a turn that calls a model", () => {
  const charge = {
    usd: usd("0.00012"),
    usage: { input_tokens: 100, output_tokens: 7, cached_input_tokens: 60 },
    model: "large-2026-01"
  }
  const turn = seen(
    { kind: "turn", name: "assistant" },
    Effect.gen(function* () {
      const { protect } = yield* Guard
      const made = subject({ kind: "model", name: "large", parent: (yield* RunningCall).call })
      yield* protect(
        made,
        Effect.flatMap(Spend, ({ add }) => add(charge))
      )
    })
  )

  it.effect("has nested GenAI spans with tokens and cost", () =>
    Effect.gen(function* () {
      const { spans } = yield* turn
      const [outer, inner] = spans
      expect(spans.map(({ kind, name }) => [kind, name])).toEqual([
        ["internal", "invoke_agent assistant"],
        ["client", "chat large"]
      ])
      expect(inner?.traceId).toBe(outer?.traceId ?? "")
      expect(inner?.parent).toMatchObject({ value: { spanId: outer?.spanId } })
      expect(Object.fromEntries(outer?.attributes ?? [])).toMatchObject({
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "assistant"
      })
      expect(Object.fromEntries(inner?.attributes ?? [])).toMatchObject({
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "large",
        "gen_ai.response.model": "large-2026-01",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "manifold.spent_usd": "0.00012"
      })
      expect(outer?.attributes.has("manifold.spent_usd")).toBe(false)
    })
  )

  it.effect("has GenAI metrics, and its cost by entry", () =>
    Effect.gen(function* () {
      const { metrics } = yield* turn
      const samples = (name: string) => Object.fromEntries(metrics.get(name)?.samples ?? [])
      const labels = 'gen_ai_operation_name="chat",gen_ai_request_model="large"'
      expect(samples("gen_ai_client_operation_duration_seconds")).toMatchObject({
        [`gen_ai_client_operation_duration_seconds_count{${labels}}`]: 1,
        'gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name="invoke_agent",gen_ai_agent_name="assistant"}': 1
      })
      expect(samples("gen_ai_client_token_usage")).toMatchObject({
        [`gen_ai_client_token_usage_sum{${labels},gen_ai_token_type="input"}`]: 100,
        [`gen_ai_client_token_usage_sum{${labels},gen_ai_token_type="output"}`]: 7
      })
      expect(samples("manifold_spent_usd_total")).toEqual({
        'manifold_spent_usd_total{kind="model",name="large"}': 0.00012
      })
    })
  )
})
