/** Deadlines: each expires once, at its own time, with one timer for all. */
import { describe, expect } from "bun:test"
import { Clock, Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Deadline, Deadlines } from "../../../layers/guard/Deadlines.ts"
import { monotonicNow } from "../../../layers/platform/monotonic.ts"
import { it } from "../../support/effect.ts"

/** Deadlines on a clock that counts its running timers, and a log of expirations with their times. */
const make = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const began = yield* monotonicNow
  let timers = 0
  let started = 0
  const counting: Clock.Clock = new Proxy(clock, {
    get: (target, key: keyof Clock.Clock) =>
      key === "sleep"
        ? (duration: Duration.Duration) =>
            Effect.suspend(() => {
              timers++
              started++
              return Effect.ensuring(
                target.sleep(duration),
                Effect.sync(() => timers--)
              )
            })
        : target[key]
  })
  const deadlines = new Deadlines(counting)
  const expired: Array<readonly [name: string, after: number]> = []
  const add = (name: string, after: number) => {
    const deadline = new Deadline(began + after, () => {
      expired.push([name, Number(clock.monotonicTimeNanosUnsafe()) / 1e6 - began])
    })
    deadlines.add(deadline)
    return deadline
  }
  return { add, deadlines, expired, timers: () => timers, started: () => started }
})

describe("Deadlines", () => {
  it.effect("deadlines expire in their order, each at its time", () =>
    Effect.gen(function* () {
      const { add, expired, timers } = yield* make
      add("second", 200)
      add("third", 300)
      add("first", 100)
      add("also first", 100)
      expect(timers()).toBe(1)
      yield* TestClock.adjust("1 second")
      expect(expired).toEqual([
        ["first", 100],
        ["also first", 100],
        ["second", 200],
        ["third", 300]
      ])
      expect(timers()).toBe(0)
    })
  )

  it.effect("a removed deadline never expires, and no timer stays without deadlines", () =>
    Effect.gen(function* () {
      const { add, deadlines, expired, started, timers } = yield* make
      const one = add("one", 100)
      const other = add("other", 200)
      deadlines.remove(one)
      deadlines.remove(one)
      expect(timers()).toBe(1)
      yield* TestClock.adjust("150 millis")
      expect(expired).toEqual([])
      deadlines.remove(other)
      expect(timers()).toBe(0)
      yield* TestClock.adjust("1 second")
      expect(expired).toEqual([])
      expect(started()).toBe(2)
    })
  )

  it.effect("a deadline that is moved expires at its new time, and may be added again", () =>
    Effect.gen(function* () {
      const { add, deadlines, expired } = yield* make
      const moved = add("moved", 100)
      add("fixed", 150)
      moved.at += 200
      yield* TestClock.adjust("299 millis")
      expect(expired).toEqual([["fixed", 150]])
      yield* TestClock.adjust("1 millis")
      moved.at += 100
      deadlines.add(moved)
      deadlines.add(moved)
      yield* TestClock.adjust("1 second")
      expect(expired).toEqual([
        ["fixed", 150],
        ["moved", 300],
        ["moved", 400]
      ])
    })
  )

  it.effect("many that come and go share one timer", () =>
    Effect.gen(function* () {
      const { add, deadlines, expired, started, timers } = yield* make
      add("stays", 1000)
      for (let count = 0; count < 100; count++) deadlines.remove(add("goes", 2000 + count))
      expect([timers(), started()]).toEqual([1, 1])
      yield* TestClock.adjust("3 seconds")
      expect(expired).toEqual([["stays", 1000]])
    })
  )
})
