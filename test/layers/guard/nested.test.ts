/** Nested calls: slots inherited from ancestors, and limits shared by entries of one dependency. */
import { describe, expect } from "bun:test"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Guard } from "../../../layers/guard/Guard.ts"
import { RunningCall } from "../../../layers/ledger/Calls.ts"
import { Principal, stdioUser } from "../../../src/domain/Principal.ts"
import { Unavailable } from "../../../src/domain/Transient.ts"
import { it } from "../../support/effect.ts"
import { guard, protect, state, type Wanted } from "../../support/guard.ts"

const away = Effect.fail(new Unavailable({ detail: "away", transient: {} }))
const other = new Principal({
  subject: "other",
  clientId: "test",
  scopes: ["call"],
  ceiling: ["call"],
  source: "oauth"
})

/** A nested call of the running handler. */
const nested = <A, E, R>(wanted: Wanted, self: Effect.Effect<A, E, R>) =>
  Effect.flatMap(RunningCall, ({ call: parent }) => protect({ ...wanted, parent }, self))

const turn = <A, E, R>(self: Effect.Effect<A, E, R>, wanted: Wanted = {}) =>
  protect({ kind: "turn", name: "assistant", ...wanted }, self)

describe("nested calls", () => {
  it.effect("a nested call runs in its parent's slots of the principal and the total", () =>
    Effect.gen(function* () {
      const inner = Effect.map(state, ({ running, waiting }) => ({ running, waiting }))
      expect(yield* turn(nested({}, nested({}, inner)))).toEqual({ running: 1, waiting: 0 })
      expect(yield* state).toMatchObject({ running: 0, waiting: 0 })
    }).pipe(Effect.provide(guard({ concurrency: { principal: 1, total: 1, queue: 1 } })))
  )

  it.effect("nested calls of 64 concurrent turns complete without waiting for another turn", () =>
    Effect.gen(function* () {
      let ran = 0
      const tool = nested(
        { name: "tool", concurrency: 2 },
        Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => ran++)
        )
      )
      const tools = Effect.all([tool, tool, tool, tool], { concurrency: "unbounded" })
      yield* Effect.all(Effect.replicate(turn(Effect.andThen(tools, tools)), 64), {
        concurrency: "unbounded"
      })
      expect(ran).toBe(64 * 8)
      expect(yield* state).toMatchObject({ running: 0, waiting: 0 })
    }).pipe(Effect.provide(guard({ concurrency: { principal: 64, total: 64 } })))
  )

  it.effect("a tool that calls itself needs no second slot of that tool", () =>
    Effect.gen(function* () {
      const descend = (depth: number): Effect.Effect<number, unknown, Guard> =>
        nested(
          { name: "recursive", concurrency: 1 },
          depth === 0 ? Effect.succeed(0) : Effect.map(descend(depth - 1), (below) => below + 1)
        )
      expect(yield* descend(10)).toBe(10)
    }).pipe(Effect.provide(guard({ concurrency: { principal: 1, total: 1 } })))
  )

  it.effect("a nested call takes the slots that no ancestor holds", () =>
    Effect.gen(function* () {
      const end = yield* Deferred.make<void>()
      const busy = yield* Effect.forkChild(
        protect({ name: "single", concurrency: 1, by: other }, Deferred.await(end)),
        { startImmediately: true }
      )
      for (const wanted of [{ name: "single", concurrency: 1 }, { by: other }]) {
        const waiting = yield* Effect.forkChild(turn(nested(wanted, Effect.void)), { startImmediately: true })
        expect(yield* state).toMatchObject({ running: 2, waiting: 1 })
        yield* TestClock.adjust("1 second")
        expect(yield* Effect.flip(Fiber.join(waiting))).toMatchObject({ _tag: "Busy" })
      }
      yield* Deferred.succeed(end, undefined)
      yield* Fiber.join(busy)
    }).pipe(Effect.provide(guard({ concurrency: { principal: 1, total: 2, queue_timeout: "1 second" } })))
  )

  it.effect("a nested call that outlives its parent takes its own slots for later calls", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const late = Effect.andThen(Deferred.await(first), nested({}, Deferred.await(second)))
      const fiber = yield* turn(Effect.forkDetach(late, { startImmediately: true }))
      expect(yield* state).toMatchObject({ running: 0 })
      yield* Deferred.succeed(first, undefined)
      yield* Effect.yieldNow
      expect(yield* state).toMatchObject({ running: 1 })
      yield* Deferred.succeed(second, undefined)
      yield* Fiber.join(fiber)
      expect(yield* state).toMatchObject({ running: 0 })
    }).pipe(Effect.provide(guard()))
  )

  it.effect("nested calls count under the rate limits", () =>
    Effect.gen(function* () {
      yield* turn(nested({}, Effect.void))
      expect(yield* Effect.flip(turn(Effect.void))).toMatchObject({ _tag: "RateLimited" })
    }).pipe(Effect.provide(guard({ principal: { calls: 2 } })))
  )

  it.effect("endless nesting is a defect", () =>
    Effect.gen(function* () {
      let ran = 0
      const endless: Effect.Effect<void, unknown, Guard> = Effect.suspend(() => {
        ran++
        return nested({}, endless)
      })
      const exit = yield* Effect.exit(endless)
      expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toMatchObject({
        message: "tool is nested more than 32 calls deep: its handlers call each other without end."
      })
      expect(ran).toBe(34)
      expect(yield* state).toMatchObject({ running: 0, waiting: 0 })
    }).pipe(Effect.provide(guard({ breaker: { failures: 1000 } })))
  )

  it.effect("a rejected nested call does not count as a failure of its parent's circuit", () =>
    Effect.gen(function* () {
      yield* Effect.flip(protect({ name: "outer" }, nested({ scopes: ["none"] }, Effect.void)))
      expect((yield* state).circuits.size).toBe(0)
      yield* protect({ name: "outer" }, Effect.void)
    }).pipe(Effect.provide(guard({ breaker: { failures: 1 } })))
  )
})

it.effect("handlers alone see the running call", () =>
  Effect.gen(function* () {
    const running = Effect.map(RunningCall, ({ call }) => call)
    expect(yield* running).toBeUndefined()
    const call = yield* protect({ name: "outer" }, running)
    expect(call).toMatchObject({ name: "outer" })
    const inner = yield* protect({ name: "outer" }, nested({ name: "inner" }, running))
    expect(inner).toMatchObject({ name: "inner", parent: { name: "outer" } })
    expect(yield* running).toBeUndefined()
  }).pipe(Effect.provide(guard()))
)

describe("dependencies", () => {
  it.effect("entries of one dependency share a circuit regardless of kind and name", () =>
    Effect.gen(function* () {
      const dependency = "provider"
      yield* Effect.flip(protect({ kind: "model", name: "large", dependency }, away))
      for (const wanted of [
        { kind: "model", name: "small", dependency },
        { kind: "tool", name: "image", dependency },
        { kind: "resource", name: "models", dependency }
      ] as const) {
        expect(yield* Effect.flip(protect(wanted, Effect.void))).toMatchObject({
          _tag: "CircuitOpen",
          name: "provider"
        })
      }
      yield* protect({ kind: "model", name: "large", dependency: "another" }, Effect.void)
    }).pipe(Effect.provide(guard({ breaker: { failures: 1 } })))
  )

  it.effect("entries of one dependency share its concurrency limit unless the operator limits the tool", () =>
    Effect.gen(function* () {
      const model: Wanted = { kind: "model", name: "large", dependency: "provider", concurrency: 1 }
      const end = yield* Deferred.make<void>()
      yield* Effect.forkChild(protect(model, Deferred.await(end)), { startImmediately: true })
      expect(yield* Effect.flip(protect({ ...model, name: "small" }, Effect.void))).toMatchObject({
        _tag: "Busy",
        limit: "dependency",
        max: 1
      })
      yield* protect({ ...model, kind: "tool", name: "image" }, Effect.void)
    }).pipe(
      Effect.provide(
        guard({ tools: { image: { concurrency: 3 } }, concurrency: { queue: 1, queue_timeout: "1 milli" } })
      ),
      // A queued call times out at once.
      (self) => Effect.andThen(Effect.forkChild(TestClock.adjust("1 second")), self)
    )
  )

  it.effect("entries without a dependency have no circuit unless they are tools", () =>
    Effect.gen(function* () {
      for (const kind of ["model", "turn", "prompt", "resource", "completion"] as const) {
        yield* Effect.flip(protect({ kind, name: kind }, away))
        yield* protect({ kind, name: kind }, Effect.void)
      }
    }).pipe(Effect.provide(guard({ breaker: { failures: 1 } })))
  )
})

describe("principals as new objects", () => {
  const person = (name: string) =>
    new Principal({ subject: name, clientId: "test", scopes: ["call"], ceiling: ["call"], source: "oauth" })

  it.effect("a principal keeps its slots when each request has a new object", () =>
    Effect.gen(function* () {
      const end = yield* Deferred.make<void>()
      const running = yield* Effect.forkChild(protect({ by: person("a") }, Deferred.await(end)), {
        startImmediately: true
      })
      yield* Effect.forkChild(protect({ by: person("a") }, Effect.void), { startImmediately: true })
      expect(yield* state).toMatchObject({ running: 1, waiting: 1 })
      yield* protect({ by: person("b") }, Effect.void)
      yield* Deferred.succeed(end, undefined)
      yield* Fiber.join(running)
    }).pipe(Effect.provide(guard({ concurrency: { principal: 1 } })))
  )

  it.effect("a principal keeps its rate after thousands of others", () =>
    Effect.gen(function* () {
      yield* protect({ by: person("a") }, Effect.void)
      for (let each = 0; each < 3000; each++) yield* protect({ by: person(`other ${each}`) }, Effect.void)
      expect(yield* Effect.flip(protect({ by: person("a") }, Effect.void))).toMatchObject({
        _tag: "RateLimited",
        limit: "principal"
      })
    }).pipe(Effect.provide(guard({ principal: { calls: 1 } })))
  )

  it.effect("the key of a principal does not depend on its scopes", () =>
    Effect.sync(() => {
      expect(person("a").key).toBe(person("a").key)
      expect(person("a").key).not.toBe(person("b").key)
      expect(person("a").key).not.toBe(stdioUser.key)
    })
  )
})
