/** The log of calls: one line at the end of a call and more at debug, with ids, trace, duration and error class. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Calls, type Call, type Outcome } from "../../../layers/ledger/Calls.ts"
import * as CallLog from "../../../layers/logging/CallLog.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { usd } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { capture, parse } from "./capture.ts"

const call: Call = {
  requestId: "r-1",
  correlationId: "c-1",
  kind: "tool",
  name: "echo",
  principal: stdioUser,
  trace: { traceId: "a".repeat(32), parentId: "b".repeat(16), sampled: true }
}

/** The lines of a call that was received, started, retried and ended. */
const logged = (outcome: Outcome, about: Partial<Call> = {}, level = "info") =>
  Effect.gen(function* () {
    const life = Effect.gen(function* () {
      const { observers } = yield* Calls
      const one = { ...call, ...about }
      for (const { finished, received, retried, started } of observers) {
        received?.(one)
        started?.(one)
        retried?.(one, 1, "Timeout")
        finished?.(one, outcome, 12.34567)
      }
    }).pipe(Effect.provide(CallLog.layer.pipe(Layer.provideMerge(Calls.layer))))
    const { stderr } = yield* capture(life, { logging: { level } })
    return stderr
  })

it.effect("the line of a call that succeeded has its ids, trace and duration", () =>
  Effect.gen(function* () {
    const lines = yield* logged({ status: "succeeded", cached: false })
    expect(lines.map((line) => parse(line)["message"])).toEqual(["call retried", "call finished"])
    expect(parse(lines[1])).toEqual({
      timestamp: "1970-01-01T00:00:00.000Z",
      level: "info",
      message: "call finished",
      request_id: "r-1",
      correlation_id: "c-1",
      trace_id: "a".repeat(32),
      parent_id: "b".repeat(16),
      kind: "tool",
      name: "echo",
      subject: "stdio",
      client: "stdio",
      status: "succeeded",
      duration_ms: 12.346
    })
  })
)

const endings: ReadonlyArray<readonly [Outcome, object]> = [
  [
    { status: "succeeded", cached: true },
    { level: "info", cached: true }
  ],
  [{ status: "interrupted" }, { level: "info", status: "interrupted" }],
  [{ status: "suspended" }, { level: "info", status: "suspended" }],
  [
    { status: "refused", errorClass: "RateLimited", message: "wait", limit: "rate" },
    { level: "warn", error_class: "RateLimited", error: "wait", limit: "rate" }
  ],
  [
    { status: "failed", errorClass: "Failed", message: "no\nway" },
    { level: "warn", error_class: "Failed", error: "no\nway" }
  ],
  [
    { status: "died", errorClass: "TypeError", message: "x is not a function" },
    { level: "error", error_class: "TypeError" }
  ]
]

for (const [outcome, expected] of endings) {
  it.effect(
    `the line of a call with the status ${outcome.status}${"cached" in outcome ? " from the cache" : ""} has its level and fields`,
    () =>
      Effect.gen(function* () {
        const lines = yield* logged(outcome)
        expect(parse(lines.at(-1))).toMatchObject(expected)
      })
  )
}

it.effect("the line of a nested call has its cost, session and conversation", () =>
  Effect.gen(function* () {
    const spent = { usd: usd("0.000012"), usage: { input_tokens: 3, output_tokens: 4 }, model: 'large"' }
    const about: Partial<Call> = { kind: "model", parent: call, session: "s-1", conversation: "talk" }
    const lines = yield* logged({ status: "succeeded", cached: false, spent }, about)
    expect(lines.at(-1)).toContain('"usd":0.000012,')
    expect(parse(lines.at(-1))).toMatchObject({
      kind: "model",
      parent_request_id: "r-1",
      session_id: "s-1",
      conversation_id: "talk",
      usd: 0.000012,
      input_tokens: 3,
      output_tokens: 4,
      model: 'large"'
    })
  })
)

it.effect("at debug every step of a call has a line, and at warn only failures", () =>
  Effect.gen(function* () {
    const messages = (outcome: Outcome, level: string) =>
      Effect.map(logged(outcome, {}, level), (lines) => lines.map((line) => parse(line)["message"]))
    expect(yield* messages({ status: "interrupted" }, "debug")).toEqual([
      "call received",
      "call started",
      "call retried",
      "call finished"
    ])
    expect(yield* messages({ status: "succeeded", cached: false }, "warn")).toEqual([])
    const failed: Outcome = { status: "failed", errorClass: "Failed", message: "no" }
    expect(yield* messages(failed, "warn")).toEqual(["call finished"])
  })
)

it.effect("any text of a caller is one line, escaped and without secrets", () =>
  Effect.gen(function* () {
    const nasty = `"}\n{"level":"fatal","message":"forged"}\u001b[31m Bearer hunter2-hunter2 `
    const lines = yield* logged(
      { status: "failed", errorClass: nasty, message: nasty.repeat(1000) },
      { name: nasty, correlationId: nasty, requestId: '"\n' },
      "warn"
    )
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain("hunter2")
    expect(lines[0]).not.toContain("\u001b")
    expect(parse(lines[0])).toMatchObject({ level: "warn", message: "call finished", request_id: '"\n' })
  })
)
