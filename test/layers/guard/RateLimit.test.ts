/** Rate limits in memory: windows, rejections, atomic counting under several limits, eviction. */
import { expect } from "bun:test"
import { Duration, Effect, Layer } from "effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { RateLimit } from "../../../layers/guard/RateLimit.ts"
import * as fixedWindows from "../../../layers/guard/fixedWindows.ts"
import { it } from "../../support/effect.ts"
import { withJumps } from "../../support/jumpingClock.ts"

const limit = (name: string, max: number, window = 60_000, whose = "alice"): fixedWindows.Limit => ({
  name,
  key: `${name}:${whose}`,
  max,
  window
})

const memory = <A, E>(body: (limits: RateLimit["Service"]) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(RateLimit, body), Layer.fresh(RateLimit.layerMemory))

it.effect(
  "exactly the maximum passes in a burst and a rejection names the limit, the calls left and the retry time",
  () =>
    memory(({ take }) =>
      Effect.gen(function* () {
        const limits = [limit("principal", 3)]
        expect(yield* take(limits, "local")).toBe(2)
        expect(yield* take(limits, "local")).toBe(1)
        expect(yield* take(limits, "local")).toBe(0)
        const error = yield* Effect.flip(take(limits, "refuse"))
        expect(error).toMatchObject({
          _tag: "RateLimited",
          limit: "principal",
          max: 3,
          window: 60_000,
          remaining: 0,
          retryAfter: 60_000
        })
      })
    )
)

it.effect("the whole limit is available again after the retry time and not before", () =>
  memory(({ take }) =>
    Effect.gen(function* () {
      const limits = [limit("principal", 3)]
      yield* take(limits, "local")
      yield* TestClock.adjust("10 seconds")
      yield* Effect.repeat(take(limits, "local"), { times: 1 })
      expect(yield* Effect.flip(take(limits, "local"))).toMatchObject({ retryAfter: 50_000 })
      yield* TestClock.adjust("49999 millis")
      expect(yield* Effect.flip(take(limits, "local"))).toMatchObject({ retryAfter: 1 })
      yield* TestClock.adjust("1 millis")
      expect(yield* take(limits, "local")).toBe(2)
    })
  )
)

it.effect("a call that one limit rejects is counted under none", () =>
  memory(({ take }) =>
    Effect.gen(function* () {
      const [narrow, wide] = [limit("tool", 1), limit("total", 5)]
      expect(yield* take([narrow, wide], "local")).toBe(0)
      expect(yield* Effect.flip(take([wide, narrow], "local"))).toMatchObject({ limit: "tool" })
      expect(yield* take([wide], "local")).toBe(3)
    })
  )
)

it.effect("keys are independent, no limits allow everything and a limit of 0 allows nothing", () =>
  memory(({ take }) =>
    Effect.gen(function* () {
      yield* take([limit("principal", 1)], "local")
      yield* take([limit("principal", 1, 60_000, "bob")], "local")
      expect(yield* take([], "local")).toBe(Infinity)
      expect(yield* Effect.flip(take([limit("total", 0)], "local"))).toMatchObject({ retryAfter: 60_000 })
    })
  )
)

it.effect("a key in a message has no control characters and is cut", () =>
  memory(({ take }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        take([limit("address", 0, 1000, `\u001b[31m\n\u202e${"x".repeat(500)}`)], "local")
      )
      expect(error.message).toContain("for address:?[31m??xxx")
      expect(error.message.length).toBeLessThan(250)
    })
  )
)

const arrivals = fc.array(
  fc.record({ after: fc.nat(400), key: fc.nat(2), max: fc.integer({ min: 1, max: 5 }) }),
  { maxLength: 80 }
)

it.effect("windows behave like those of effect/persistence for any sequence of calls", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(arrivals, (calls) =>
        Effect.gen(function* () {
          const library = yield* RateLimiter.RateLimiterStore
          const ours = fixedWindows.make(10)
          for (const { after, key, max } of calls) {
            yield* TestClock.adjust(after)
            const [count, ttl] = yield* library.fixedWindow({
              key: `${key}`,
              tokens: 1,
              limit: max,
              refillRate: Duration.millis(1000 / max)
            })
            const taken = ours.take([{ name: "", key: `${key}`, max, window: 1000 }], yield* now)
            if (count <= max) expect(taken).toBe(max - count)
            else expect(taken).toMatchObject({ retryAfter: Math.ceil(ttl) })
          }
        }).pipe(
          Effect.provide(Layer.merge(Layer.fresh(RateLimiter.layerStoreMemory), TestClock.layer())),
          Effect.runPromise
        )
      )
    )
  )
)

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

it.effect("no time span admits more than the limit and its refill", () =>
  Effect.sync(() =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(300), { maxLength: 150 }), (max, gaps) => {
        const { take } = fixedWindows.make(1)
        const passed: Array<number> = []
        let time = 0
        for (const gap of gaps) {
          time += gap
          if (typeof take([{ name: "", key: "", max, window: 1000 }], time) === "number") passed.push(time)
        }
        passed.forEach((from, first) => {
          passed.slice(first).forEach((to, more) => {
            expect(more + 1).toBeLessThanOrEqual(max + Math.ceil(((to - from) * max) / 1000))
          })
        })
      })
    )
  )
)

it.effect("under several limits a call counts everywhere or nowhere", () =>
  Effect.sync(() =>
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(fc.nat(3), { minLength: 1 }), { maxLength: 60 }),
        fc.array(fc.nat(10), { minLength: 4, maxLength: 4 }),
        (calls, maxima) => {
          const { take } = fixedWindows.make(10)
          const counts = maxima.map(() => 0)
          for (const keys of calls) {
            const limits = keys.map((key) => ({
              name: "",
              key: `${key}`,
              max: maxima[key] ?? 0,
              window: 1000
            }))
            const may = keys.every((key) => (counts[key] ?? 0) < (maxima[key] ?? 0))
            const taken = take(limits, 0)
            expect(typeof taken === "number").toBe(may)
            if (!may) continue
            for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
            expect(taken).toBe(Math.min(...keys.map((key) => (maxima[key] ?? 0) - (counts[key] ?? 0))))
          }
        }
      )
    )
  )
)

it.effect("a flood of keys is bounded and does not reset limits that are reached", () =>
  Effect.sync(() => {
    const { size, take } = fixedWindows.make(200)
    const busy = { name: "principal", key: "busy", max: 100, window: 60_000 }
    for (let call = 0; call < 100; call++) take([busy], 0)
    for (let key = 0; key < 10_000; key++) {
      take([{ name: "address", key: `${key}`, max: 100, window: 60_000 }], 1)
      expect(size()).toBeLessThanOrEqual(200)
    }
    expect(size()).toBe(200)
    expect(take([busy], 1)).toMatchObject({ limit: busy, retryAfter: 59_999 })
  })
)

it.effect("a window ends after its time, also if the clock is set meanwhile", () =>
  withJumps((jump) =>
    memory(({ take }) =>
      Effect.gen(function* () {
        const limits = [limit("principal", 1)]
        yield* take(limits, "local")
        yield* jump("2 hours", "back")
        expect(yield* Effect.flip(take(limits, "local"))).toMatchObject({ retryAfter: 60_000 })
        yield* jump("4 hours", "forward")
        expect(yield* Effect.flip(take(limits, "local"))).toMatchObject({ retryAfter: 60_000 })
        yield* TestClock.adjust("1 minute")
        expect(yield* take(limits, "local")).toBe(0)
      })
    )
  )
)
