/** Health: the aggregate of its parts, cached and with a time-out. */
import { expect } from "bun:test"
import { Effect, Exit, Fiber, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Health } from "../../../layers/health/Health.ts"
import { it } from "../../support/effect.ts"
import { withJumps } from "../../support/jumpingClock.ts"

class NoKey extends Schema.TaggedError<NoKey>()("NoKey", {}) {
  override get message() {
    return "no key"
  }
}

const layer = Health.layer("1.2.3")
const status = Effect.flatMap(Health, (health) => Effect.map(health.check, (report) => report.status))

it.effect("without parts the health is healthy, with its start time", () =>
  Effect.gen(function* () {
    const health = yield* Health
    yield* TestClock.adjust("5 seconds")
    expect(yield* health.check).toEqual({
      status: "healthy",
      timestamp: "1970-01-01T00:00:05.000Z",
      version: "1.2.3",
      uptime_ms: 5000,
      parts: {}
    })
  }).pipe(Effect.provide(layer))
)

it.effect("one failing part makes the health unhealthy until it is removed, with its detail", () =>
  Effect.gen(function* () {
    const health = yield* Health
    yield* health.add("storage", Effect.void)
    expect(yield* status).toBe("healthy")
    const scope = yield* Scope.make()
    yield* Scope.provide(health.add("model", Effect.fail(new NoKey())), scope)
    yield* Scope.provide(health.add("disk", Effect.die("secret")), scope)
    const { parts, status: now } = yield* health.check
    expect(now).toBe("unhealthy")
    expect(parts).toEqual({
      storage: { status: "ok" },
      model: { status: "failing", detail: "no key" },
      disk: { status: "failing", detail: "unavailable" }
    })
    yield* Scope.close(scope, Exit.void)
    expect(yield* status).toBe("healthy")
  }).pipe(Effect.provide(layer))
)

it.effect("a failing part that only some calls need makes the health degraded", () =>
  Effect.gen(function* () {
    const health = yield* Health
    yield* health.add("redis", Effect.fail(new NoKey()), { optional: true })
    expect(yield* status).toBe("degraded")
    const scope = yield* Scope.make()
    yield* Scope.provide(health.add("storage", Effect.fail(new NoKey())), scope)
    expect(yield* status).toBe("unhealthy")
    yield* Scope.close(scope, Exit.void)
    expect(yield* status).toBe("degraded")
    yield* health.drain
    expect(yield* status).toBe("draining")
  }).pipe(Effect.provide(layer))
)

it.effect("a part that does not respond within one second is failing", () =>
  Effect.gen(function* () {
    const health = yield* Health
    yield* health.add("slow", Effect.never)
    const asking = yield* Effect.forkChild(health.check, { startImmediately: true })
    yield* TestClock.adjust("999 millis")
    expect(asking.pollUnsafe()).toBeUndefined()
    yield* TestClock.adjust("1 milli")
    const { parts } = yield* Fiber.join(asking)
    expect(parts["slow"]).toEqual({ status: "failing", detail: "no response within 1s" })
  }).pipe(Effect.provide(layer))
)

it.effect(
  "callers within one second share one check, and one that is interrupted does not stop it for others",
  () =>
    Effect.gen(function* () {
      const health = yield* Health
      let asked = 0
      const part = Effect.andThen(
        Effect.sync(() => {
          asked++
        }),
        Effect.sleep("100 millis")
      )
      yield* health.add("part", part)
      const first = yield* Effect.forkChild(health.check, { startImmediately: true })
      const second = yield* Effect.forkChild(health.check, { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("100 millis")
      expect((yield* Fiber.join(second)).status).toBe("healthy")
      yield* health.check
      expect(asked).toBe(1)
      yield* TestClock.adjust("1 second")
      const later = yield* Effect.forkChild(health.check, { startImmediately: true })
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(later)
      expect(asked).toBe(2)
    }).pipe(Effect.provide(layer))
)

it.effect("a draining program is not healthy, with any parts", () =>
  Effect.gen(function* () {
    const health = yield* Health
    yield* health.drain
    expect(yield* status).toBe("draining")
  }).pipe(Effect.provide(layer))
)

it.effect("a result is cached for a second and the uptime goes on, also if the clock is set back", () =>
  withJumps((jump) =>
    Effect.gen(function* () {
      const health = yield* Health
      let fails = false
      yield* health.add(
        "storage",
        Effect.suspend(() => (fails ? Effect.fail(new NoKey()) : Effect.void))
      )
      yield* TestClock.adjust("5 seconds")
      expect(yield* status).toBe("healthy")
      fails = true
      yield* jump("2 hours", "back")
      yield* TestClock.adjust("1 second")
      expect(yield* health.check).toMatchObject({
        status: "unhealthy",
        timestamp: "1969-12-31T22:00:06.000Z",
        uptime_ms: 6000
      })
    }).pipe(Effect.provide(layer))
  )
)
