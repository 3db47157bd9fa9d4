/** Hot reload: the triggers, and the log of a reload. */
import { expect } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as Reload from "../../../layers/config/Reload.ts"
import * as Section from "../../../layers/config/Section.ts"
import { Signals } from "../../../layers/platform/Signals.ts"
import { it } from "../../support/effect.ts"
import { filesOnly, given } from "./files.ts"

const level = Section.optional(Schema.String, "info", "Level")
const logging = Section.make("logging", Schema.Struct({ level }))
const storage = Section.make(
  "storage",
  Schema.Struct({ dir: Section.optional(Schema.String, ".", "Folder") })
)

/** A program whose file and signals the test controls, with its log. */
const running = Effect.fnUntraced(function* (files: Record<string, string>) {
  const handlers = new Set<() => void>()
  const signals = Layer.succeed(
    Signals,
    Signals.of({
      onHangup: (handler) =>
        Effect.acquireRelease(
          Effect.sync(() => void handlers.add(handler)),
          () => Effect.sync(() => handlers.delete(handler))
        )
    })
  )
  const levels: Array<string> = []
  const program = Layer.effectDiscard(
    Effect.gen(function* () {
      const config = yield* ConfigSource
      yield* config.check([logging, storage])
      yield* config.read(storage)
      yield* config.follow(logging, (settings) => Effect.sync(() => levels.push(settings.level)))
    })
  )
  yield* Layer.build(
    Reload.layer.pipe(
      Layer.provideMerge(program),
      Layer.provide([signals, given({ files }), filesOnly(files)])
    )
  )
  // Takes the first look at the file.
  yield* TestClock.adjust(0)
  return {
    levels,
    handlers,
    write: (text: string) => Effect.sync(() => (files["manifold.yaml"] = text)),
    hangUp: Effect.andThen(
      Effect.sync(() => handlers.forEach((handler) => handler())),
      TestClock.adjust(0)
    ),
    log: Effect.map(TestConsole.logLines, (lines) =>
      lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n")
    )
  }
})

it.effect("a changed file is reloaded once its content is stable", () =>
  Effect.gen(function* () {
    const { levels, log, write } = yield* running({ "manifold.yaml": "logging: { level: info }" })
    yield* write("logging: { level: debug }\nstorage: { dir: /data }")
    yield* TestClock.adjust("1 second")
    expect(levels).toEqual(["info"])
    yield* TestClock.adjust("1 second")
    // Seen; now an editor truncates it to write it again.
    yield* write("")
    yield* TestClock.adjust("150 millis")
    yield* write("logging: { level: warning }\nstorage: { dir: /data }")
    yield* TestClock.adjust("10 seconds")
    expect(levels).toEqual(["info", "warning"])
    expect(yield* log).toContain("configuration reloaded")
    expect(yield* log).toMatch(/changed.*logging.*storage.*applied.*logging.*needs_restart.*storage/s)
  })
)

it.effect("an invalid file changes nothing, is reported, and can be corrected", () =>
  Effect.gen(function* () {
    const { levels, log, write } = yield* running({ "manifold.yaml": "logging: { level: info }" })
    yield* write("logging: { level: 1 }\nstorag: {}")
    yield* TestClock.adjust("10 seconds")
    expect(levels).toEqual(["info"])
    expect(yield* log).toMatch(/not reloaded: unknown key.*setting.*storag/s)
    expect(yield* log).toMatch(/not reloaded: expected a string, got 1.*logging\.level.*manifold\.yaml:1:19/s)
    yield* write("logging: { level: debug }")
    yield* TestClock.adjust("10 seconds")
    expect(levels).toEqual(["info", "debug"])
  })
)

it.effect("a removed file resets the defaults, and a restored one is reloaded", () =>
  Effect.gen(function* () {
    const files: Record<string, string> = { "manifold.yaml": "logging: { level: debug }" }
    const { levels, write } = yield* running(files)
    delete files["manifold.yaml"]
    yield* TestClock.adjust("10 seconds")
    yield* write("logging: { level: warn }")
    yield* TestClock.adjust("10 seconds")
    expect(levels).toEqual(["debug", "info", "warn"])
  })
)

it.effect("SIGHUP reloads at once, including a new file", () =>
  Effect.gen(function* () {
    const { hangUp, levels, write } = yield* running({})
    yield* write("logging: { level: debug }")
    expect(levels).toEqual(["info"])
    yield* hangUp
    expect(levels).toEqual(["info", "debug"])
  })
)

it.effect("a file that is created at run time is reloaded", () =>
  Effect.gen(function* () {
    const { levels, write } = yield* running({})
    yield* write("logging: { level: debug }")
    yield* TestClock.adjust("10 seconds")
    yield* write("logging: { level: warning }")
    yield* TestClock.adjust("10 seconds")
    expect(levels).toEqual(["info", "debug", "warning"])
  })
)

it.effect("reloading ends with its scope", () =>
  Effect.gen(function* () {
    const handlers = yield* Effect.scoped(Effect.map(running({}), (program) => program.handlers))
    expect(handlers.size).toBe(0)
  })
)
