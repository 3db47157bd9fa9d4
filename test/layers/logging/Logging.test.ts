/** The log: one line per event, escaped and without secrets, and on standard output only where allowed. */
import { expect } from "bun:test"
import { Cause, Clock, Context, Effect, FileSystem, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Log } from "../../../layers/logging/Log.ts"
import * as Logging from "../../../layers/logging/Logging.ts"
import { LogRing } from "../../../layers/logging/LogRing.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { OutputStreams } from "../../../layers/platform/OutputStreams.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { it } from "../../support/effect.ts"
import { capture, parse } from "./capture.ts"

/** The lines on standard error; fails if there is any text on standard output. */
const written = <E>(
  program: Effect.Effect<void, E, Log | LogRing>,
  terminal = false,
  variables: Record<string, string> = {}
) =>
  Effect.gen(function* () {
    const { stderr, stdout } = yield* capture(program, { terminal, variables })
    expect(stdout).toEqual([])
    return stderr
  })

it.effect("a JSON line has level, time, annotations, spans and cause", () =>
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
      tool: "echo",
      spans: { call: 0 },
      cause: expect.stringContaining("boom")
    })
  })
)

it.effect("on a terminal the log is human-readable", () =>
  Effect.gen(function* () {
    const lines = yield* written(
      Effect.annotateLogs(Effect.logWarning("slow", { ms: 5 }), "tool", "echo"),
      true
    )
    expect(lines).toEqual(['00:00:00 WARN  slow {"ms":5} tool=echo'])
  })
)

it.effect("lines below the configured level are dropped", () =>
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

it.effect("redacted values stay redacted", () =>
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

it.effect("values that JSON does not support are logged", () =>
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

const run = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.provide(effect, TestClock.layer()))

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

it.effect("no text can forge a line or send control characters to the terminal", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(nasty, nasty, async (message, value) => {
        const program = Effect.annotateLogs(Effect.log(message), "tool", value)
        const [line, ...more] = await run(written(program))
        expect(more).toEqual([])
        expect(line).not.toMatch(control)
        expect(JSON.parse(line ?? "")).toMatchObject({ message, tool: value })
        const [text] = await run(written(program, true))
        expect(text).not.toMatch(control)
      }),
      { numRuns: 200 }
    )
  )
)

it.effect("the log goes to standard output where the command allows it", () =>
  Effect.gen(function* () {
    const { stderr, stdout } = yield* capture(Effect.log("hello")).pipe(
      Effect.provideService(Logging.Stream, "stdout")
    )
    expect({ stderr, messages: stdout.map((line) => parse(line)["message"]) }).toEqual({
      stderr: [],
      messages: ["hello"]
    })
  })
)

it.effect("logging.format overrides the detection of a terminal", () =>
  Effect.gen(function* () {
    const first = (format: string, terminal: boolean) =>
      Effect.map(capture(Effect.log("hello"), { logging: { format }, terminal }), ({ stderr }) => stderr[0])
    expect(yield* first("pretty", false)).toBe("00:00:00 INFO  hello")
    expect(parse(yield* first("json", true))).toMatchObject({ message: "hello" })
  })
)

it.effect("annotations do not override the standard members of a line", () =>
  Effect.gen(function* () {
    const [line] = yield* written(
      Effect.annotateLogs(Effect.log("real"), { level: "fatal", message: "forged" })
    )
    expect(parse(line)).toMatchObject({ level: "info", message: "real", "field.level": "fatal" })
  })
)

it.effect("a line during a call has the ids of the call", () =>
  Effect.gen(function* () {
    const Caller = Context.Service<{ readonly id: string }>("test/Caller")
    const program = Effect.log("inside").pipe(
      Effect.provideService(Caller, { id: "7" }),
      Effect.andThen(Effect.log("outside"))
    )
    const origin = (services: Context.Context<never>) => {
      const caller = Context.getOrUndefined(services, Caller)
      return caller && { request_id: caller.id }
    }
    const lines = yield* Effect.provideService(written(program), Logging.Origin, origin)
    expect(lines.map((line) => parse(line)["request_id"])).toEqual(["7", undefined])
  })
)

it.effect("a level changed at run time applies to running fibers", () =>
  Effect.gen(function* () {
    const program = Effect.gen(function* () {
      const log = yield* Log
      yield* Effect.logDebug("too early")
      yield* log.setLevel("debug")
      yield* Effect.logDebug("in time")
      expect(yield* log.level).toBe("debug")
      yield* log.setLevel("none")
      yield* Effect.logFatal("too late")
    })
    expect((yield* written(program)).map((line) => parse(line)["message"])).toEqual(["in time"])
  })
)

it.effect("recent lines can be queried, without secrets", () =>
  Effect.gen(function* () {
    const program = Effect.gen(function* () {
      yield* Effect.log("one")
      yield* TestClock.adjust("1 second")
      yield* Effect.logWarning("two", { authorization: "Bearer hunter2" })
      const { query } = yield* LogRing
      const now = yield* Clock.currentTimeMillis
      expect((yield* query({})).map(({ level }) => level)).toEqual(["info", "warn"])
      expect(yield* query({ level: "warn" })).toMatchObject([
        { message: ["two", { authorization: "<redacted>" }] }
      ])
      expect(yield* query({ lines: 1, search: "ONE" })).toMatchObject([{ message: "one" }])
      expect(yield* query({ since: now })).toHaveLength(1)
    })
    yield* written(program)
  })
)

it.effect("lines of one source beyond the rate limit are dropped and counted", () =>
  Effect.gen(function* () {
    const flood = Effect.forEach(Array.from({ length: 50 }), () => Effect.log("again"), { discard: true })
    const program = Effect.gen(function* () {
      yield* Effect.annotateLogs(flood, { tool: "noisy" })
      yield* Effect.annotateLogs(Effect.logError("but this"), { tool: "noisy" })
      yield* Effect.annotateLogs(Effect.log("quiet"), { tool: "other" })
      yield* TestClock.adjust("1 second")
      yield* Effect.annotateLogs(Effect.log("later"), { tool: "noisy" })
    })
    const { stderr } = yield* capture(program, { logging: { lines_per_second: 3 } })
    expect(stderr.map((line) => parse(line)["message"])).toEqual([
      "again",
      "again",
      "again",
      "but this",
      "quiet",
      "log lines dropped by the rate limit",
      "later"
    ])
    expect(parse(stderr[5])).toMatchObject({ level: "warn", source: "noisy", dropped: 47 })
  })
)

it.effect("lines dropped by the rate limit are reported at the end of the program", () =>
  Effect.gen(function* () {
    const { stderr } = yield* capture(Effect.andThen(Effect.log("one"), Effect.log("two")), {
      logging: { lines_per_second: 1 }
    })
    expect(parse(stderr[1])).toMatchObject({ dropped: 1 })
  })
)

it.effect("every line is written in order, including those queued at the end of the program", () =>
  Effect.gen(function* () {
    const lines = Array.from({ length: 10_000 }, (_, index) => JSON.stringify({ index, text: "é" }))
    const program = Effect.gen(function* () {
      const log = yield* Log
      for (const line of lines) log.write(0, "info", line)
    })
    expect((yield* capture(program)).stderr).toEqual(lines)
  })
)

it.effect("changed settings for level, limits and format apply at once", () =>
  Effect.gen(function* () {
    const folder = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
    const fs = yield* FileSystem.FileSystem
    const config = `${folder}/manifold.yaml`
    const write = (logging: object) => fs.writeFileString(config, JSON.stringify({ logging }))
    yield* write({ level: "warn" })
    let text = ""
    const streams = OutputStreams.layerTest((_, more) => Effect.sync(() => void (text += more)))
    const program = Effect.gen(function* () {
      yield* Effect.log("too early")
      yield* write({ level: "debug", format: "pretty", recent_lines: 1, file: `${folder}/log` })
      yield* (yield* ConfigSource).reload
      yield* Effect.logDebug("one")
      yield* Effect.logDebug("two")
      expect(yield* (yield* LogRing).query({})).toMatchObject([{ message: "two" }])
    })
    const layer = Layer.fresh(Logging.layer).pipe(
      Layer.provideMerge(Layer.fresh(ConfigSource.layer)),
      Layer.provide(streams),
      Layer.provide([Ids.layer, Environment.layerTest({ MCP_CONFIG_PATH: config }), Platform.layer])
    )
    yield* Effect.scoped(Effect.provide(program, layer))
    expect(text).toBe("00:00:00 DEBUG one\n00:00:00 DEBUG two\n")
    const lines = (yield* fs.readFileString(`${folder}/log`)).trim().split("\n")
    expect(lines.map((line) => parse(line)["message"])).toEqual(["one", "two"])
  }).pipe(Effect.provide(Platform.layer))
)
