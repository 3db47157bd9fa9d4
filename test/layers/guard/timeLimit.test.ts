/** Time limit: interruption, clean-up, deadlines extended by progress, and outcomes in time. */
import { describe, expect } from "bun:test"
import { Clock, Context, Deferred, Effect, Exit, Fiber, References, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { PauseTimeLimit, withTimeLimit } from "../../../layers/guard/timeLimit.ts"
import { it } from "../../support/effect.ts"

const ignore = () => {}
const unchanged = (context: Context.Context<never>) => context

/** Runs with a time limit of 1 s and a maximum duration of 10 s; `report` is called by a progress report. */
const start = <A, E>(self: Effect.Effect<A, E>) => {
  let report = ignore
  const call = withTimeLimit(
    () => self,
    unchanged,
    "slow",
    { limit: 1000, maxDuration: 10_000 },
    (reported) => {
      report = reported
    }
  )
  return Effect.map(Effect.forkChild(call, { startImmediately: true }), (fiber) => ({
    fiber,
    report: Effect.sync(() => report())
  }))
}

const ended = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.sync(() => fiber.pollUnsafe() !== undefined)

describe("calls beyond the time limit", () => {
  it.effect("a call is interrupted at its time limit and not before", () =>
    Effect.gen(function* () {
      const cleaned = yield* Deferred.make<void>()
      const { fiber } = yield* start(
        Effect.onInterrupt(Effect.never, () => Deferred.succeed(cleaned, undefined))
      )
      yield* TestClock.adjust("999 millis")
      expect(yield* ended(fiber)).toBe(false)
      yield* TestClock.adjust("1 millis")
      const error = yield* Effect.flip(Fiber.join(fiber))
      expect(error).toMatchObject({ _tag: "TimedOut", name: "slow", limit: 1000 })
      expect(yield* Deferred.isDone(cleaned)).toBe(true)
    })
  )

  it.effect("an interrupted call fails after its clean-up", () =>
    Effect.gen(function* () {
      const { fiber } = yield* start(Effect.onInterrupt(Effect.never, () => Effect.sleep("500 millis")))
      yield* TestClock.adjust("1499 millis")
      expect(yield* ended(fiber)).toBe(false)
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "TimedOut" })
    })
  )

  it.effect("an uninterruptible call fails a second after its time limit", () =>
    Effect.gen(function* () {
      const { fiber } = yield* start(Effect.uninterruptible(Effect.never))
      yield* TestClock.adjust("1999 millis")
      expect(yield* ended(fiber)).toBe(false)
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "TimedOut" })
    })
  )

  it.effect("each progress report restarts the time limit up to the maximum duration", () =>
    Effect.gen(function* () {
      const { fiber, report } = yield* start(Effect.never)
      for (let told = 0; told < 12; told++) {
        yield* TestClock.adjust("800 millis")
        yield* report
      }
      // 9.6 s have passed.
      expect(yield* ended(fiber)).toBe(false)
      yield* TestClock.adjust("399 millis")
      expect(yield* ended(fiber)).toBe(false)
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "TimedOut", limit: 10_000 })
    })
  )

  it.effect("a call is interrupted when its progress reports stop", () =>
    Effect.gen(function* () {
      const { fiber, report } = yield* start(Effect.never)
      yield* TestClock.adjust("500 millis")
      yield* report
      yield* TestClock.adjust("999 millis")
      expect(yield* ended(fiber)).toBe(false)
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "TimedOut", limit: 1000 })
    })
  )

  it.effect("a call can read its remaining time", () =>
    Effect.gen(function* () {
      let report = ignore
      const asked: Array<number> = []
      const call = withTimeLimit(
        (left) =>
          Effect.gen(function* () {
            asked.push(left())
            yield* Effect.sleep("400 millis")
            asked.push(left())
            report()
            asked.push(left())
          }),
        unchanged,
        "slow",
        { limit: 1000, maxDuration: 10_000 },
        (reported) => {
          report = reported
        }
      )
      const fiber = yield* Effect.forkChild(call)
      yield* TestClock.adjust("400 millis")
      yield* Fiber.join(fiber)
      expect(asked).toEqual([1000, 600, 1000])
    })
  )
})

describe("calls in time", () => {
  it.effect("a call in time keeps its outcome", () =>
    Effect.gen(function* () {
      const outcomes = [Effect.succeed("yes"), Effect.fail("no"), Effect.die("broken"), Effect.interrupt]
      for (const outcome of outcomes) {
        for (const self of [outcome, Effect.andThen(Effect.sleep("10 millis"), outcome)]) {
          const { fiber } = yield* start(self)
          yield* TestClock.adjust("10 millis")
          const exit = yield* Fiber.await(fiber)
          expect(JSON.stringify(exit).replaceAll(/"fiberId":\d+/g, "")).toBe(
            JSON.stringify(yield* Effect.exit(outcome)).replaceAll(/"fiberId":\d+/g, "")
          )
        }
      }
    })
  )

  it.effect("a call that never waits gets no timer and no progress listener", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let timers = 0
      let followed = 0
      const counting: Clock.Clock = new Proxy(clock, {
        get: (target, key: keyof Clock.Clock) =>
          key === "sleep"
            ? (duration: Parameters<Clock.Clock["sleep"]>[0]) => {
                timers++
                return target.sleep(duration)
              }
            : target[key]
      })
      const run = (self: Effect.Effect<unknown>) =>
        withTimeLimit(
          () => self,
          unchanged,
          "quick",
          { limit: 1000, maxDuration: 1000 },
          () => followed++
        ).pipe(Effect.provideService(Clock.Clock, counting))
      yield* run(Effect.succeed(1))
      expect([timers, followed]).toEqual([0, 0])
      yield* run(Effect.yieldNow)
      expect([timers, followed]).toEqual([1, 1])
    })
  )

  it.effect("an interrupted caller waits for the clean-up of its call", () =>
    Effect.gen(function* () {
      const cleaned = yield* Deferred.make<void>()
      const { fiber } = yield* start(
        Effect.onInterrupt(Effect.never, () =>
          Effect.andThen(Effect.sleep("5 seconds"), Deferred.succeed(cleaned, undefined))
        )
      )
      const leaving = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust("4999 millis")
      expect(yield* ended(leaving)).toBe(false)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(leaving)
      expect(yield* Deferred.isDone(cleaned)).toBe(true)
      expect(Exit.hasInterrupts(yield* Fiber.await(fiber))).toBe(true)
    })
  )

  it.effect("a call has the services, log annotations and span of its caller", () =>
    Effect.gen(function* () {
      const Word = Context.Reference("manifold/test/Word", { defaultValue: () => "none" })
      const inside = withTimeLimit(
        () =>
          Effect.gen(function* () {
            yield* Effect.yieldNow
            const span = yield* Effect.currentParentSpan
            return [yield* Word, yield* References.CurrentLogAnnotations, (span as Tracer.Span).name] as const
          }),
        unchanged,
        "inside",
        { limit: 1000, maxDuration: 1000 },
        ignore
      ).pipe(
        Effect.provideService(Word, "said"),
        Effect.annotateLogs({ tool: "inside" }),
        Effect.withSpan("outer")
      )
      expect(yield* inside).toEqual(["said", { tool: "inside" }, "outer"])
    })
  )
})

describe("pauses", () => {
  /** Works 600 ms, pauses 5 s, and works on without end. */
  const pausing = Effect.gen(function* () {
    yield* Effect.sleep("600 millis")
    const pause = yield* PauseTimeLimit
    const resume = pause()
    yield* Effect.sleep("5 seconds")
    resume()
    return yield* Effect.never
  })

  it.effect("the time limit counts the time before and after a pause", () =>
    Effect.gen(function* () {
      const { fiber } = yield* start(pausing)
      yield* TestClock.adjust("5999 millis")
      expect(yield* ended(fiber)).toBe(false)
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "TimedOut", limit: 1000 })
    })
  )

  it.effect("a pause of an inner call stops the limit of the outer one, also before its first wait", () =>
    Effect.gen(function* () {
      const inner = withTimeLimit(
        () =>
          Effect.gen(function* () {
            const resume = (yield* PauseTimeLimit)()
            yield* Effect.sleep("1 minute")
            resume()
            return "done"
          }),
        unchanged,
        "inner",
        { limit: 100, maxDuration: 100 },
        ignore
      )
      const { fiber } = yield* start(inner)
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(fiber)).toBe("done")
    })
  )

  it.effect("progress during a pause extends the limit from its end", () =>
    Effect.gen(function* () {
      const { fiber, report } = yield* start(pausing)
      yield* TestClock.adjust("3 seconds")
      yield* report
      yield* TestClock.adjust("3599 millis")
      expect(yield* ended(fiber)).toBe(false)
      yield* TestClock.adjust("1 millis")
      expect(yield* ended(fiber)).toBe(true)
    })
  )
})
