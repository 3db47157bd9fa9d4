/** Circuit breaker: what opens a circuit, probes, open time, and circuits of several principals. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as circuitBreaker from "../../../layers/guard/circuitBreaker.ts"
import { judge } from "../../../layers/guard/callOutcome.ts"
import { TimedOut } from "../../../layers/guard/GuardError.ts"
import { SharedRedis } from "../../../layers/storage/SharedRedis.ts"
import { Failed, InvalidArguments } from "../../../src/catalog/CatalogError.ts"
import { suspension, Unavailable } from "../../../src/domain/Transient.ts"
import { it } from "../../support/effect.ts"
import { withJumps } from "../../support/jumpingClock.ts"

const settings = { failures: 3, principals: 2, openDuration: 30_000 }
const make = circuitBreaker.make(settings).pipe(Effect.provide(Layer.fresh(SharedRedis.layerNone)))
type Made = Effect.Success<typeof make>

const away = Effect.fail(new Unavailable({ detail: "away", transient: {} }))

const call = <A, E>({ execute }: Made, self: Effect.Effect<A, E>, name = "tool", owner = "alice") =>
  execute(name, owner, self, judge)
const times = <A, E>(breaker: Made, count: number, self: Effect.Effect<A, E>, owner?: string) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.exit(call(breaker, self, "tool", owner)), {
    discard: true
  })

/** The error of a call now; `undefined` if it passes. */
const rejection = (breaker: Made, name?: string, owner?: string) =>
  Effect.match(call(breaker, Effect.void, name, owner), {
    onFailure: (error) => error,
    onSuccess: () => undefined
  })

const opened = Effect.tap(make, (breaker) => times(breaker, 3, away))

it.effect("a circuit is probed after its open time, also if the clock is set back meanwhile", () =>
  withJumps((jump) =>
    Effect.gen(function* () {
      const breaker = yield* opened
      yield* times(breaker, 3, away, "bob")
      yield* jump("2 hours", "back")
      expect(yield* rejection(breaker)).toMatchObject({ _tag: "CircuitOpen", retryAfter: 30_000 })
      expect(yield* rejection(breaker, "tool", "carol")).toMatchObject({ retryAfter: 30_000 })
      yield* TestClock.adjust("30 seconds")
      expect(yield* rejection(breaker)).toBeUndefined()
      expect(yield* rejection(breaker, "tool", "carol")).toBeUndefined()
    })
  )
)

describe("opening", () => {
  const failures: Record<string, Effect.Effect<never, unknown>> = {
    "an unreachable dependency": away,
    "a time-out": Effect.fail(new TimedOut({ name: "tool", limit: 1 })),
    "a transient error": Effect.fail(new Failed({ name: "tool", detail: "away", transient: {} })),
    "a defect": Effect.die(new Error("broken"))
  }
  for (const [name, failure] of Object.entries(failures)) {
    it.effect(`consecutive failures open a circuit: ${name}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make
        yield* times(breaker, 2, failure)
        yield* call(breaker, Effect.void)
        yield* times(breaker, 2, failure)
        expect(breaker.states.get("tool")).toBe("closed")
        yield* times(breaker, 1, failure)
        expect(breaker.states.get("tool")).toBe("open")
        expect(yield* rejection(breaker)).toMatchObject({
          _tag: "CircuitOpen",
          name: "tool",
          retryAfter: 30_000
        })
      })
    )
  }

  const others: Record<string, Effect.Effect<void, unknown>> = {
    "a success": Effect.void,
    "a permanent error": Effect.fail(new Failed({ name: "tool", detail: "no" })),
    "invalid arguments": Effect.fail(new InvalidArguments({ name: "tool", issues: [] })),
    "an interruption": Effect.interrupt,
    "a suspension": Effect.die({ [suspension]: true })
  }
  for (const [name, other] of Object.entries(others)) {
    it.effect(`${name} does not open a circuit`, () =>
      Effect.gen(function* () {
        const breaker = yield* make
        yield* times(breaker, 10, other)
        expect(yield* rejection(breaker)).toBeUndefined()
        expect(breaker.states.size).toBe(0)
      })
    )
  }

  for (const [name, ignored] of Object.entries(others).slice(2)) {
    it.effect(`${name} between failures does not reset their count`, () =>
      Effect.gen(function* () {
        const breaker = yield* make
        yield* times(breaker, 2, away)
        yield* times(breaker, 1, ignored)
        yield* times(breaker, 1, away)
        expect(breaker.states.get("tool")).toBe("open")
      })
    )
  }

  it.effect("a thousand names are remembered: those that failed last", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      const names = Array.from({ length: 1000 }, (_, index) => `connection ${index}`)
      const fail = (name: string) => Effect.exit(breaker.execute(name, "ada", away, judge))
      yield* times(breaker, 3, away)
      yield* Effect.forEach(names.slice(1), fail, { discard: true })
      yield* times(breaker, 1, away)
      yield* Effect.forEach(names.slice(0, 1), fail, { discard: true })
      expect(breaker.states.size).toBe(1000)
      expect(breaker.states.get("tool")).toBe("open")
      expect(breaker.states.has("connection 1")).toBe(false)
    })
  )

  it.effect("concurrent failures open a circuit and each call gets its own error", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      const exits = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Effect.exit(call(breaker, Effect.andThen(Effect.sleep("1 second"), away))),
        { concurrency: "unbounded" }
      ).pipe(Effect.forkChild)
      yield* TestClock.adjust("1 second")
      for (const exit of yield* Fiber.join(exits)) expect(JSON.stringify(exit)).toContain("Unavailable")
      expect(breaker.states.get("tool")).toBe("open")
      // None of them counted as a failed probe.
      expect(yield* rejection(breaker)).toMatchObject({ retryAfter: 30_000 })
    })
  )

  it.effect("a circuit opens for its name only", () =>
    Effect.gen(function* () {
      const breaker = yield* opened
      expect(yield* rejection(breaker, "other")).toBeUndefined()
      expect(yield* rejection(breaker)).toMatchObject({ _tag: "CircuitOpen" })
    })
  )
})

describe("open circuits", () => {
  it.effect("an open circuit rejects calls with the remaining open time", () =>
    Effect.gen(function* () {
      const breaker = yield* opened
      let ran = false
      yield* TestClock.adjust("10 seconds")
      const error = yield* Effect.flip(
        call(
          breaker,
          Effect.sync(() => (ran = true))
        )
      )
      expect(error).toMatchObject({ retryAfter: 20_000 })
      expect(ran).toBe(false)
    })
  )

  it.effect("after the open time one call probes and the others are rejected for a second", () =>
    Effect.gen(function* () {
      const breaker = yield* opened
      yield* TestClock.adjust("30 seconds")
      const go = yield* Deferred.make<void>()
      const probe = yield* Effect.forkChild(call(breaker, Deferred.await(go)), { startImmediately: true })
      expect(yield* rejection(breaker)).toMatchObject({ _tag: "CircuitOpen", retryAfter: 1000 })
      expect(breaker.states.get("tool")).toBe("half-open")
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(probe)
      expect(breaker.states.get("tool")).toBe("closed")
      expect(yield* rejection(breaker)).toBeUndefined()
    })
  )

  it.effect("the open time doubles after each failed probe up to an hour", () =>
    Effect.gen(function* () {
      const breaker = yield* opened
      let open = 30_000
      for (let tried = 0; tried < 10; tried++) {
        expect(yield* rejection(breaker)).toMatchObject({ retryAfter: open })
        yield* TestClock.adjust(open)
        yield* times(breaker, 1, away)
        open = Math.min(open * 2, 3_600_000)
      }
      expect(open).toBe(3_600_000)
    })
  )

  it.effect("an interrupted probe lets the next call probe", () =>
    Effect.gen(function* () {
      const breaker = yield* opened
      yield* TestClock.adjust("30 seconds")
      const probe = yield* Effect.forkChild(call(breaker, Effect.never), { startImmediately: true })
      expect(yield* rejection(breaker)).toMatchObject({ retryAfter: 1000 })
      yield* Fiber.interrupt(probe)
      expect(yield* rejection(breaker)).toBeUndefined()
      expect(breaker.states.get("tool")).toBe("closed")
    })
  )

  it.effect("invalid arguments do not close a circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* opened
      yield* TestClock.adjust("30 seconds")
      yield* times(breaker, 1, Effect.fail(new InvalidArguments({ name: "tool", issues: [] })))
      expect(breaker.states.get("tool")).toBe("half-open")
      yield* times(breaker, 1, away)
      expect(yield* rejection(breaker)).toMatchObject({ retryAfter: 60_000 })
    })
  )
})

describe("settings", () => {
  it.effect("new settings apply to circuits with failures as well", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      yield* times(breaker, 2, away)
      yield* breaker.configure({ failures: 5, principals: 2, openDuration: 1000 })
      yield* times(breaker, 2, away)
      expect(breaker.states.get("tool")).toBe("closed")
      yield* times(breaker, 1, away)
      expect(yield* rejection(breaker)).toMatchObject({ retryAfter: 1000 })
    })
  )
})

it.effect("calls without failures create no circuit", () =>
  Effect.gen(function* () {
    const breaker = yield* make
    for (let each = 0; each < 100; each++) {
      expect(Exit.isSuccess(yield* Effect.exit(call(breaker, Effect.yieldNow)))).toBe(true)
    }
    expect(breaker.states.size).toBe(0)
  })
)

describe("circuits of several principals", () => {
  it.effect("failures of one principal do not open the circuit of others", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      yield* times(breaker, 100, away, "mallory")
      expect(yield* rejection(breaker, "tool", "mallory")).toMatchObject({ _tag: "CircuitOpen" })
      expect(yield* rejection(breaker, "tool", "alice")).toBeUndefined()
    })
  )

  it.effect("open circuits of two principals open it for all others until the first may be probed", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      yield* times(breaker, 3, away, "alice")
      yield* TestClock.adjust("10 seconds")
      yield* times(breaker, 2, away, "bob")
      expect(yield* rejection(breaker, "tool", "carol")).toBeUndefined()
      yield* times(breaker, 1, away, "bob")
      expect(yield* rejection(breaker, "tool", "carol")).toMatchObject({ name: "tool", retryAfter: 20_000 })
      expect(yield* rejection(breaker, "other", "carol")).toBeUndefined()
      yield* TestClock.adjust("20 seconds")
      expect(yield* rejection(breaker, "tool", "carol")).toBeUndefined()
    })
  )

  it.effect("a successful probe of one of two principals admits the others again", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      for (const owner of ["alice", "bob"]) yield* times(breaker, 3, away, owner)
      yield* TestClock.adjust("30 seconds")
      yield* times(breaker, 1, away, "bob")
      yield* times(breaker, 1, Effect.void, "alice")
      expect(yield* rejection(breaker, "tool", "carol")).toBeUndefined()
      expect(yield* rejection(breaker, "tool", "bob")).toMatchObject({ _tag: "CircuitOpen" })
    })
  )
})
