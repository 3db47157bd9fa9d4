/** Slots: the maximum is never exceeded, the queue is FIFO, and no slot is lost at any interruption. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Exit, Fiber, References } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { Slots, SlotsByKey, type SlotsOptions } from "../../../layers/guard/Slots.ts"
import { it } from "../../support/effect.ts"

const options = (max: number, queue = 100): SlotsOptions => ({
  limit: "total",
  max,
  queue,
  queueTimeout: 1000
})
const queueTimeout = () => 1000

/** Occupies a slot until `stop`. */
const occupy = Effect.fnUntraced(function* (slots: Slots) {
  const stop = yield* Deferred.make<void>()
  const fiber = yield* Effect.forkChild(slots.hold("busy", queueTimeout, Deferred.await(stop)), {
    startImmediately: true
  })
  return { fiber, stop: Effect.andThen(Deferred.succeed(stop, undefined), Fiber.await(fiber)) }
})

/** Lets all runnable fibers run. */
const settle = Effect.repeat(Effect.yieldNow, { times: 20 })

describe("the queue", () => {
  it.effect("a call takes a free slot or is queued in order of arrival", () =>
    Effect.gen(function* () {
      const slots = new Slots(options(1))
      const first = yield* occupy(slots)
      const order: Array<number> = []
      for (let each = 0; each < 5; each++) {
        yield* Effect.forkChild(
          slots.hold(
            "next",
            queueTimeout,
            Effect.sync(() => order.push(each))
          ),
          { startImmediately: true }
        )
      }
      expect([slots.running, slots.waiting]).toEqual([1, 5])
      yield* first.stop
      yield* settle
      expect(order).toEqual([0, 1, 2, 3, 4])
      expect(slots.idle).toBe(true)
    })
  )

  it.effect("a full queue rejects with the number of running and queued calls and a retry time", () =>
    Effect.gen(function* () {
      const slots = new Slots(options(1, 2))
      yield* occupy(slots)
      yield* occupy(slots)
      yield* occupy(slots)
      const error = yield* Effect.flip(slots.hold("fourth", queueTimeout, Effect.void))
      expect(error).toMatchObject({ _tag: "Busy", limit: "total", max: 1, waiting: 2, retryAfter: 1000 })
      expect([slots.running, slots.waiting]).toEqual([1, 2])
    })
  )

  it.effect("a call leaves the queue at the queue time-out", () =>
    Effect.gen(function* () {
      const slots = new Slots(options(1))
      const first = yield* occupy(slots)
      const second = yield* occupy(slots)
      yield* TestClock.adjust("999 millis")
      expect(slots.waiting).toBe(1)
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(second.fiber))).toMatchObject({ _tag: "Busy" })
      expect(slots.waiting).toBe(0)
      yield* first.stop
      expect(slots.idle).toBe(true)
    })
  )

  it.effect("an interrupted waiter frees its place in the queue", () =>
    Effect.gen(function* () {
      const slots = new Slots(options(1, 1))
      const first = yield* occupy(slots)
      const second = yield* occupy(slots)
      yield* Fiber.interrupt(second.fiber)
      expect(slots.waiting).toBe(0)
      const third = yield* occupy(slots)
      yield* first.stop
      yield* settle
      expect([slots.running, slots.waiting]).toEqual([1, 0])
      yield* third.stop
      expect(slots.idle).toBe(true)
    })
  )

  it.effect("a waiter that is interrupted at the grant passes its slot on", () =>
    Effect.gen(function* () {
      const slots = new Slots(options(1))
      expect(slots.takeUnsafe()).toBe(true)
      const leaving = yield* occupy(slots)
      const next = yield* occupy(slots)
      slots.release()
      leaving.fiber.interruptUnsafe()
      yield* settle
      expect([slots.running, slots.waiting]).toEqual([1, 0])
      expect(next.fiber.pollUnsafe()).toBeUndefined()
      yield* next.stop
      expect(slots.idle).toBe(true)
    })
  )

  it.live("a slot granted before the fiber waits is not lost", () =>
    Effect.gen(function* () {
      for (let pace = 3; pace < 16; pace++) {
        for (let steps = 0; steps < 8; steps++) {
          const slots = new Slots(options(1))
          expect(slots.takeUnsafe()).toBe(true)
          const waiting = yield* slots
            .hold("call", () => 60_000, Effect.succeed("ran"))
            .pipe(
              Effect.provideService(References.MaxOpsBeforeYield, pace),
              Effect.forkChild({ startImmediately: true })
            )
          for (let step = 0; step < steps; step++) yield* Effect.yieldNow
          slots.release()
          // Far more turns than it needs, and far less time than the queue time-out.
          yield* Effect.repeat(Effect.yieldNow, { times: 200 })
          expect({ pace, steps, ended: waiting.pollUnsafe() }).toEqual({
            pace,
            steps,
            ended: Exit.succeed("ran")
          })
        }
      }
    })
  )

  it.effect("every one of many waiters gets its turn", () =>
    Effect.gen(function* () {
      const many = 5000
      const slots = new Slots(options(1, many))
      const first = yield* occupy(slots)
      let ran = 0
      const fibers = yield* Effect.replicateEffect(
        Effect.forkChild(
          slots.hold(
            "one of many",
            queueTimeout,
            Effect.sync(() => ran++)
          ),
          { startImmediately: true }
        ),
        many
      )
      yield* first.stop
      yield* Effect.forEach(fibers, Fiber.await)
      expect(ran).toBe(many)
      expect(slots.idle).toBe(true)
    })
  )
})

describe("release", () => {
  const ends = {
    success: Effect.void,
    failure: Effect.fail("no"),
    defect: Effect.die("broken"),
    interruption: Effect.interrupt
  }
  for (const [name, end] of Object.entries(ends)) {
    it.effect(`the slot is released after ${name}`, () =>
      Effect.gen(function* () {
        const slots = new Slots(options(1))
        yield* Effect.exit(slots.hold("call", queueTimeout, end))
        const first = yield* occupy(slots)
        const waiting = yield* Effect.forkChild(
          slots.hold("call", queueTimeout, Effect.andThen(Effect.yieldNow, end)),
          {
            startImmediately: true
          }
        )
        yield* first.stop
        yield* Fiber.await(waiting)
        expect(slots.idle).toBe(true)
      })
    )
  }
})

describe("changed maximum", () => {
  it.effect("a larger maximum admits waiters", () =>
    Effect.gen(function* () {
      const slots = new Slots(options(1))
      const all = yield* Effect.replicateEffect(occupy(slots), 4)
      slots.configure(options(3))
      expect([slots.running, slots.waiting]).toEqual([3, 1])
      for (const { stop } of all) yield* stop
      expect(slots.idle).toBe(true)
    })
  )

  it.effect("a smaller maximum interrupts no call and admits none until enough have ended", () =>
    Effect.gen(function* () {
      const slots = new Slots(options(3))
      const [one, two, three, four] = yield* Effect.replicateEffect(occupy(slots), 4)
      slots.configure(options(1))
      expect([slots.running, slots.waiting]).toEqual([3, 1])
      yield* one?.stop ?? Effect.void
      yield* two?.stop ?? Effect.void
      yield* settle
      expect([slots.running, slots.waiting]).toEqual([1, 1])
      yield* three?.stop ?? Effect.void
      yield* settle
      expect([slots.running, slots.waiting]).toEqual([1, 0])
      yield* four?.stop ?? Effect.void
      expect(slots.idle).toBe(true)
    })
  )
})

/** One caller: its work in the slot, and after how many turns it is interrupted, if at all. */
const caller = fc.record({
  turns: fc.integer({ min: 0, max: 6 }),
  leaves: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
  pause: fc.integer({ min: 0, max: 5 })
})

it.live("in any order of events the maximum holds, every waiter runs and no slot is lost", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(caller, { maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 3, max: 12 }),
        (callers, max, queue, pace) =>
          Effect.gen(function* () {
            const slots = new Slots(options(max, queue))
            let running = 0
            let most = 0
            const work = (turns: number) =>
              Effect.acquireUseRelease(
                Effect.sync(() => {
                  most = Math.max(most, ++running)
                }),
                () => Effect.repeat(Effect.yieldNow, { times: turns }),
                () => Effect.sync(() => running--)
              )
            const ends = yield* Effect.forEach(
              callers,
              ({ leaves, pause, turns }) =>
                Effect.gen(function* () {
                  yield* Effect.repeat(Effect.yieldNow, { times: pause })
                  const fiber = yield* Effect.forkChild(
                    slots.hold("call", () => 60_000, work(turns)),
                    {
                      startImmediately: true
                    }
                  )
                  if (leaves === undefined) return yield* Fiber.await(fiber)
                  yield* Effect.repeat(Effect.yieldNow, { times: leaves })
                  yield* Fiber.interrupt(fiber)
                  return yield* Fiber.await(fiber)
                }),
              { concurrency: "unbounded" }
            )
            expect(ends).toHaveLength(callers.length)
            expect(most).toBeLessThanOrEqual(max)
            expect([running, slots.running, slots.waiting]).toEqual([0, 0, 0])
          }).pipe(
            // Fibers yield after few operations, so that they interleave at every step.
            Effect.provideService(References.MaxOpsBeforeYield, pace),
            Effect.runPromise
          )
      ),
      // A run that waits for a lost grant fails, so that fast-check can shrink it.
      { numRuns: 200, timeout: 5000 }
    )
  )
)

it.effect("several slots taken in the same order never deadlock", () =>
  Effect.gen(function* () {
    const [a, b] = [new Slots(options(2)), new Slots(options(1))]
    let ran = 0
    const call = a.hold(
      "call",
      queueTimeout,
      b.hold(
        "call",
        queueTimeout,
        Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => ran++)
        )
      )
    )
    yield* Effect.all(Effect.replicate(call, 50), { concurrency: "unbounded" })
    expect(ran).toBe(50)
    expect([a.idle, b.idle]).toEqual([true, true])
  })
)

describe("slots by key", () => {
  it.effect("each key has its own slots and idle ones are evicted", () =>
    Effect.gen(function* () {
      const all = new SlotsByKey(10)
      const busy = all.of("busy", options(1))
      const { stop } = yield* occupy(busy)
      for (let key = 0; key < 1000; key++) {
        all.of(`${key}`, options(1))
        expect(all.size).toBeLessThanOrEqual(10)
      }
      expect(all.of("busy", options(1))).toBe(busy)
      yield* stop
    })
  )

  it.effect("slots of a key keep their count when their options change", () =>
    Effect.gen(function* () {
      const all = new SlotsByKey(10)
      const { stop } = yield* occupy(all.of("a", options(1)))
      const slots = all.of("a", options(2))
      expect(slots.running).toBe(1)
      expect(slots.takeUnsafe()).toBe(true)
      expect(slots.takeUnsafe()).toBe(false)
      slots.release()
      yield* stop
      expect(slots.idle).toBe(true)
    })
  )
})
