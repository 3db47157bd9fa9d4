/** Writing of log lines to slow, failing and stuck outputs without blocking the program. */
import { expect } from "bun:test"
import { Deferred, Effect, PlatformError, Queue } from "effect"
import { TestClock } from "effect/testing"
import * as Batch from "../../../layers/logging/LogBatch.ts"
import { Ring } from "../../../layers/logging/LogRing.ts"
import * as Writer from "../../../layers/logging/LogWriter.ts"
import { it } from "../../support/effect.ts"
import { openScope } from "./capture.ts"

const full = PlatformError.systemError({ _tag: "Unknown", module: "test", method: "write" })
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const silent: Writer.Events = { failed: () => {}, lost: () => {} }

it.effect("the first line is written at once, and later ones together", () =>
  Effect.gen(function* () {
    const batches = yield* Queue.unbounded<string>()
    const writer = yield* Writer.make(
      (bytes) => Queue.offer(batches, textOf(bytes)).pipe(Effect.asVoid),
      silent
    )
    writer.push(Batch.of("a"))
    expect(yield* Queue.take(batches)).toBe("a\n")
    for (const line of ["b", "c", "d"]) writer.push(Batch.of(line))
    yield* TestClock.adjust("50 millis")
    expect(yield* Queue.take(batches)).toBe("b\nc\nd\n")
  })
)

it.effect("queued lines are written at the end", () =>
  Effect.gen(function* () {
    let text = ""
    const scope = yield* openScope
    const writer = yield* scope.provide(
      Writer.make((more) => Effect.sync(() => void (text += textOf(more))), silent)
    )
    for (let line = 0; line < 1000; line++) writer.push(Batch.of(String(line)))
    yield* scope.close
    expect(text.split("\n")).toHaveLength(1001)
  })
)

it.effect("lines beyond the buffer of a slow output are dropped and counted", () =>
  Effect.gen(function* () {
    const lost = yield* Queue.unbounded<number>()
    const taken = yield* Queue.unbounded<number>()
    const release = yield* Deferred.make<void>()
    const writer = yield* Writer.make(
      (bytes) => Effect.andThen(Queue.offer(taken, bytes.length), Deferred.await(release)),
      { failed: () => {}, lost: (lines) => Queue.offerUnsafe(lost, lines) }
    )
    writer.push(Batch.of("first"))
    expect(yield* Queue.take(taken)).toBe(6)
    const line = "x".repeat(1024 * 1024 - 1)
    for (let count = 0; count < 9; count++) writer.push(Batch.of(line))
    yield* Deferred.succeed(release, undefined)
    yield* TestClock.adjust("50 millis")
    const size = yield* Queue.take(taken)
    expect(size).toBeLessThan(6 * 1024 * 1024)
    expect(yield* Queue.take(lost)).toBe(9 - size / (1024 * 1024))
  })
)

it.effect("each line is counted as written or dropped, in any batches", () =>
  Effect.gen(function* () {
    const release = yield* Deferred.make<void>()
    const begun = yield* Deferred.make<void>()
    let written = 0
    let lost = 0
    const scope = yield* openScope
    const ring = new Ring({ lines: 1, bytes: 1024 })
    const writer = yield* scope.provide(
      Writer.make(
        (bytes) =>
          Effect.gen(function* () {
            yield* Deferred.succeed(begun, undefined)
            yield* Deferred.await(release)
            written += textOf(bytes).split("\n").length - 1
          }),
        { failed: () => {}, lost: (lines) => void (lost += lines) },
        () => ring.flush()
      )
    )
    ring.listeners.add(writer.push)
    writer.wake()
    ring.add(0, "info", "first")
    yield* Deferred.await(begun)
    const lines = 70_000
    for (let index = 0; index < lines; index++) ring.add(0, "info", `${index} ${"é".repeat(index % 90)}`)
    yield* Deferred.succeed(release, undefined)
    yield* scope.close
    expect(written + lost).toBe(1 + lines)
    expect(written).toBeLessThan(lines)
  })
)

it.effect("a slow output does not delay another output of the same log", () =>
  Effect.gen(function* () {
    const ring = new Ring({ lines: 1, bytes: 1024 })
    const begun = yield* Deferred.make<void>()
    const release = yield* Deferred.make<void>()
    let text = ""
    const slow = yield* Writer.make(
      () => Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(release)),
      silent,
      () => ring.flush()
    )
    const scope = yield* openScope
    const quick = yield* scope.provide(
      Writer.make(
        (bytes) => Effect.sync(() => void (text += textOf(bytes))),
        silent,
        () => ring.flush()
      )
    )
    ring.listeners.add(slow.push).add(quick.push)
    const lines = Array.from({ length: 5000 }, (_, index) => `${index} ${"x".repeat(2000)}`)
    ring.add(0, "info", "first")
    slow.wake()
    yield* Deferred.await(begun)
    for (const [index, each] of lines.entries()) {
      ring.add(0, "info", each)
      if (index % 1000 === 0) yield* TestClock.adjust("50 millis")
    }
    yield* scope.close
    yield* Deferred.succeed(release, undefined)
    expect(text).toBe(`first\n${lines.join("\n")}\n`)
  })
)

it.effect("lines during a write do not change the written text", () =>
  Effect.gen(function* () {
    const writes = yield* Queue.unbounded<Deferred.Deferred<void>>()
    const scope = yield* openScope
    let text = ""
    const writer = yield* scope.provide(
      Writer.make(
        (bytes) =>
          Effect.gen(function* () {
            const release = yield* Deferred.make<void>()
            yield* Queue.offer(writes, release)
            yield* Deferred.await(release)
            text += textOf(bytes)
          }),
        silent
      )
    )
    let expected = ""
    const push = (line: string) => {
      writer.push(Batch.of(line))
      expected += `${line}\n`
    }
    push("first")
    for (const round of [1, 2, 3, 4]) {
      const release = yield* Queue.take(writes)
      for (let index = 0; index < 500; index++) push(`${round} ${index} ${"x".repeat(index)}`)
      yield* Deferred.succeed(release, undefined)
      yield* TestClock.adjust("50 millis")
    }
    yield* Deferred.succeed(yield* Queue.take(writes), undefined)
    yield* scope.close
    expect(text).toBe(expected)
  })
)

it.effect("a failing output is reported once, retried later, and dropped lines are reported", () =>
  Effect.gen(function* () {
    const reports = yield* Queue.unbounded<string>()
    const attempts = yield* Queue.unbounded<string>()
    let works = false
    const writer = yield* Writer.make(
      (bytes) =>
        Effect.andThen(
          Queue.offer(attempts, textOf(bytes)),
          Effect.suspend(() => (works ? Effect.void : Effect.fail(full)))
        ),
      {
        failed: () => Queue.offerUnsafe(reports, "failed"),
        lost: (lines) => Queue.offerUnsafe(reports, `lost ${lines}`)
      }
    )
    writer.push(Batch.of("a"))
    yield* Queue.take(attempts)
    expect(yield* Queue.take(reports)).toBe("failed")
    writer.push(Batch.of("b"))
    yield* TestClock.adjust("5 seconds")
    expect(yield* Queue.take(attempts)).toBe("b\n")
    works = true
    writer.push(Batch.of("c"))
    yield* TestClock.adjust("5 seconds")
    expect(yield* Queue.take(attempts)).toBe("c\n")
    expect(yield* Queue.take(reports)).toBe("lost 2")
  })
)

it.live("a stuck output delays the end by at most one second", () =>
  Effect.gen(function* () {
    const begun = yield* Deferred.make<void>()
    const scope = yield* openScope
    const writer = yield* scope.provide(
      Writer.make(() => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never), silent)
    )
    writer.push(Batch.of("a"))
    yield* Deferred.await(begun)
    writer.push(Batch.of("b"))
    yield* scope.close
  })
)
