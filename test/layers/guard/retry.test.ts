/** Retries: attempts, delays, and errors that are not retried. */
import { describe, expect } from "bun:test"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { withRetry } from "../../../layers/guard/retry.ts"
import { Unavailable } from "../../../src/domain/Transient.ts"
import { it } from "../../support/effect.ts"

const settings = { attempts: 5, firstDelay: 200, maxDelay: 1000 }
const away = (retryAfter?: number) =>
  new Unavailable({ detail: "away", transient: retryAfter === undefined ? {} : { retryAfter } })

/** Runs to the end, a millisecond at a time, and returns the start time of each attempt. */
const tries = Effect.fnUntraced(function* <E>(
  failure: (attempt: number) => E | undefined,
  left: () => number = () => Infinity
) {
  const begun: Array<number> = []
  const told: Array<readonly [number, E]> = []
  const clock = yield* Clock.Clock
  const start = clock.currentTimeMillisUnsafe()
  const self = Effect.suspend(() => {
    begun.push(clock.currentTimeMillisUnsafe() - start)
    const error = failure(begun.length)
    return error === undefined ? Effect.succeed("done") : Effect.fail(error)
  })
  const fiber = yield* Effect.forkChild(
    withRetry(self, settings, left, (attempt, error) => told.push([attempt, error]))
  )
  while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 millis")
  return { exit: yield* Fiber.await(fiber), begun, told }
})

const pauses = (begun: ReadonlyArray<number>) =>
  begun.slice(1).map((time, index) => time - (begun[index] ?? 0))

describe("transient errors", () => {
  it.effect("a transient error is retried up to the maximum with doubling delays and jitter", () =>
    Effect.gen(function* () {
      const { begun, exit, told } = yield* tries(() => away())
      expect(exit._tag).toBe("Failure")
      expect(begun).toHaveLength(5)
      expect(told.map(([attempt]) => attempt)).toEqual([1, 2, 3, 4])
      for (const [index, pause] of pauses(begun).entries()) {
        const whole = [200, 400, 800, 1000][index] ?? 0
        expect(pause).toBeGreaterThanOrEqual(whole / 2)
        expect(pause).toBeLessThanOrEqual(whole + 1)
      }
    })
  )

  it.effect("two calls have different delays", () =>
    Effect.gen(function* () {
      const all = yield* Effect.replicateEffect(
        Effect.map(
          tries(() => away()),
          ({ begun }) => begun.join()
        ),
        5
      )
      expect(new Set(all).size).toBeGreaterThan(1)
    })
  )

  it.effect("a success ends the retries", () =>
    Effect.gen(function* () {
      const { begun, exit } = yield* tries((attempt) => (attempt < 3 ? away() : undefined))
      expect(exit).toMatchObject({ _tag: "Success", value: "done" })
      expect(begun).toHaveLength(3)
    })
  )

  it.effect("a retry waits for the retryAfter of the error", () =>
    Effect.gen(function* () {
      const { begun } = yield* tries((attempt) => (attempt === 1 ? away(900) : undefined))
      expect(pauses(begun)).toEqual([900])
    })
  )

  it.effect("a retryAfter beyond the maximum delay ends the retries", () =>
    Effect.gen(function* () {
      const { begun, exit } = yield* tries(() => away(1001))
      expect(begun).toHaveLength(1)
      expect(JSON.stringify(exit)).toContain("1001")
    })
  )

  it.effect("a delay beyond the time limit ends the retries", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const end = clock.currentTimeMillisUnsafe() + 700
      const { begun } = yield* tries(
        () => away(300),
        () => end - clock.currentTimeMillisUnsafe()
      )
      expect(begun.slice(0, 2)).toEqual([0, 300])
      expect(begun.at(-1)).toBeLessThan(700)
      expect(begun.length).toBeLessThan(4)
    })
  )
})

describe("no retries", () => {
  const errors: Record<string, unknown> = {
    "a permanent error": new Error("no"),
    "an error whose transient is undefined": { transient: undefined },
    "an error whose transient is null": { transient: null },
    "a string": "no"
  }
  for (const [name, error] of Object.entries(errors)) {
    it.effect(`${name} is not retried`, () =>
      Effect.gen(function* () {
        const { begun, told } = yield* tries(() => error)
        expect(begun).toHaveLength(1)
        expect(told).toEqual([])
      })
    )
  }

  it.effect("a defect is not retried", () =>
    Effect.gen(function* () {
      let begun = 0
      const self = Effect.suspend(() => {
        begun++
        return Effect.die(away())
      })
      yield* Effect.exit(
        withRetry(
          self,
          settings,
          () => Infinity,
          () => {}
        )
      )
      expect(begun).toBe(1)
    })
  )

  it.effect("a call interrupted during the delay is not retried", () =>
    Effect.gen(function* () {
      let begun = 0
      const self = Effect.suspend(() => {
        begun++
        return Effect.fail(away())
      })
      const fiber = yield* Effect.forkChild(
        withRetry(
          self,
          settings,
          () => Infinity,
          () => {}
        ),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      expect(begun).toBe(1)
    })
  )
})

it.effect("errors of other libraries are transient with transient: true", () =>
  Effect.gen(function* () {
    const { begun } = yield* tries(() => ({ transient: true }))
    expect(begun).toHaveLength(5)
  })
)
