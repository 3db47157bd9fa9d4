/** The log: one line for one event on standard error, nothing forged, nothing secret, nothing on standard output. */
import { expect } from "bun:test"
import { Cause, Effect, Layer, Redacted, Stdio } from "effect"
import { TestConsole } from "effect/testing"
import fc from "fast-check"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Logging } from "../../../layers/logging/Logging.ts"
import { it } from "../../support/effect.ts"

const logging = (terminal: boolean, variables: Record<string, string> = {}) =>
  Logging.layer.pipe(
    Layer.provide([
      ConfigSource.layerFrom({}, variables),
      Stdio.layerTest({ stderrIsTerminal: Effect.succeed(terminal) })
    ])
  )

/** What a program wrote to standard error; it must have written nothing to standard output. */
const written = <E>(
  program: Effect.Effect<void, E>,
  terminal = false,
  variables: Record<string, string> = {}
) =>
  Effect.gen(function* () {
    yield* Effect.provide(program, logging(terminal, variables))
    expect(yield* TestConsole.logLines).toEqual([])
    return (yield* TestConsole.errorLines).map(String)
  }).pipe(Effect.provide(Layer.fresh(TestConsole.layer)))

it.effect("writes JSON with level, time, annotations, spans and cause", () =>
  Effect.gen(function* () {
    const lines = yield* written(
      Effect.logError("tool failed", Cause.fail("boom")).pipe(
        Effect.annotateLogs({ tool: "echo" }),
        Effect.withLogSpan("call")
      )
    )
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      timestamp: "1970-01-01T00:00:00.000Z",
      level: "error",
      message: "tool failed",
      annotations: { tool: "echo" },
      spans: { call: 0 },
      cause: expect.stringContaining("boom")
    })
  })
)

it.effect("writes readable text to a terminal", () =>
  Effect.gen(function* () {
    const lines = yield* written(
      Effect.annotateLogs(Effect.logWarning("slow", { ms: 5 }), "tool", "echo"),
      true
    )
    expect(lines).toEqual(['00:00:00 WARN  slow {"ms":5} tool=echo'])
  })
)

it.effect("writes from the configured level up", () =>
  Effect.gen(function* () {
    const program = Effect.all([Effect.logDebug("d"), Effect.logInfo("i"), Effect.logWarning("w")], {
      discard: true
    })
    expect(yield* written(program)).toHaveLength(2)
    expect(yield* written(program, false, { LOG_LEVEL: "DEBUG" })).toHaveLength(3)
    expect(yield* written(program, false, { LOG_LEVEL: "warn" })).toHaveLength(1)
    expect(yield* written(program, false, { LOG_LEVEL: "none" })).toHaveLength(0)
    const error = yield* Effect.flip(written(program, false, { LOG_LEVEL: "loud" }))
    expect(error.message).toContain('logging.level: expected "trace" or "debug"')
    expect(error.message).toContain('got "loud" (LOG_LEVEL)')
  })
)

it.effect("keeps redacted values redacted", () =>
  Effect.gen(function* () {
    const secret = Redacted.make("hunter2-hunter2")
    const program = Effect.log("key", secret, { nested: [secret] }).pipe(Effect.annotateLogs({ secret }))
    for (const terminal of [false, true]) {
      const [line] = yield* written(program, terminal)
      expect(line).toContain("key")
      expect(line).not.toContain("hunter2")
    }
  })
)

it.effect("survives values that JSON does not know", () =>
  Effect.gen(function* () {
    const circular: Record<string, unknown> = {
      big: 1n,
      run: () => 1,
      symbol: Symbol("s"),
      date: new Date(NaN)
    }
    circular["self"] = circular
    for (const terminal of [false, true]) {
      expect(yield* written(Effect.log("odd", circular, undefined, null), terminal)).toHaveLength(1)
    }
  })
)

const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/
const nasty = fc
  .array(
    fc.constantFrom(
      "\n",
      "\r",
      "\u001b[31m",
      "\u009b",
      "\u0000",
      "\u2028",
      "\u202e",
      '"',
      "\\",
      "{",
      "a",
      "é"
    )
  )
  .map((parts) => parts.join(""))

it.effect("no text can forge a line or reach the terminal's controls", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(nasty, nasty, async (message, value) => {
        const program = Effect.annotateLogs(Effect.log(message), "tool", value)
        const [line, ...more] = await Effect.runPromise(written(program))
        expect(more).toEqual([])
        expect(line).not.toMatch(control)
        expect(JSON.parse(line ?? "")).toMatchObject({ message, annotations: { tool: value } })
        const [text] = await Effect.runPromise(written(program, true))
        expect(text).not.toMatch(control)
      }),
      { numRuns: 200 }
    )
  )
)
