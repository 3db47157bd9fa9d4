/** Journal writers: awaited before the handler and before the response, in order, bounded in time, failures logged. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Outcome } from "../../../layers/ledger/Calls.ts"
import { Journal, JournalUnavailable, type Writer } from "../../../layers/ledger/Journal.ts"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { fixedBudget, usd } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { guard, heard, protect, state, type Wanted } from "../../support/guard.ts"
import { linesOf } from "../../support/logMessages.ts"

const add = (writer: Writer) => Effect.flatMap(Journal, (journal) => journal.add(writer))

/** A writer that records its steps in `words`, yielding before each one. */
const noting = (words: Array<string>, name: string): Writer => ({
  before: () =>
    Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => words.push(`${name} before`))
    ),
  after: (_, outcome) =>
    Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => words.push(`${name} after ${outcome.status}`))
    )
})

const unavailable = new JournalUnavailable({ retryAfter: 3000 })
const idle = { running: 0, waiting: 0 }

describe("records of a call", () => {
  it.effect("each writer in order records a call before its handler and before its response", () => {
    const budget = fixedBudget("1")
    return Effect.gen(function* () {
      const words = yield* heard()
      yield* add(noting(words, "first"))
      yield* add(noting(words, "second"))
      const self = Effect.sync(() => words.push(budget.asked.join()))
      yield* protect({ estimate: () => usd("0.5") }, self)
      words.push("answered", budget.asked.join())
      expect(words).toEqual([
        "received",
        "first before",
        "second before",
        "started",
        "hold 0.5",
        "first after succeeded",
        "second after succeeded",
        "succeeded",
        "answered",
        "hold 0.5,settle 0"
      ])
    }).pipe(Effect.provide(guard({}, budget.layer)))
  })

  const cases: Record<
    string,
    readonly [Wanted, Effect.Effect<unknown, unknown>, Outcome["status"], boolean]
  > = {
    "that is rejected": [{ scopes: ["none"] }, Effect.void, "refused", false],
    "that fails": [{}, Effect.fail("no"), "failed", true],
    "that has a defect": [{}, Effect.die("broken"), "died", true],
    "that interrupts itself": [{}, Effect.interrupt, "interrupted", true]
  }
  for (const [name, [wanted, self, status, begins]] of Object.entries(cases)) {
    it.effect(`a call ${name} is recorded once`, () =>
      Effect.gen(function* () {
        const words: Array<string> = []
        yield* add(noting(words, "journal"))
        yield* Effect.exit(protect(wanted, self))
        expect(words).toEqual([...(begins ? ["journal before"] : []), `journal after ${status}`])
      }).pipe(Effect.provide(guard()))
    )
  }

  it.effect("a cached call is recorded without a start and a fresh one with its duration and charges", () =>
    Effect.gen(function* () {
      const outcomes: Array<readonly [Outcome, number]> = []
      yield* add({ after: (_, outcome, duration) => Effect.sync(() => outcomes.push([outcome, duration])) })
      const wanted: Wanted = { cache: { ttl: "1 hour", among: "everybody" } }
      const self = Effect.gen(function* () {
        yield* (yield* Spend).add({ usd: usd("0.1") })
        yield* Effect.sleep("200 millis")
        return "answer"
      })
      const fiber = yield* Effect.forkChild(protect(wanted, self))
      yield* TestClock.adjust("200 millis")
      yield* Fiber.join(fiber)
      yield* protect(wanted, self)
      expect(outcomes).toMatchObject([
        [{ status: "succeeded", cached: false, spent: { usd: usd("0.1") } }, 200],
        [{ status: "succeeded", cached: true }, 0]
      ])
      expect(outcomes[1]?.[0].spent).toBeUndefined()
    }).pipe(Effect.provide(guard()))
  )

  it.effect("an interrupted call is recorded before the interruption completes", () =>
    Effect.gen(function* () {
      const words = yield* heard()
      const written = yield* Deferred.make<void>()
      yield* add({ after: () => Deferred.await(written) })
      yield* add(noting(words, "last"))
      const fiber = yield* Effect.forkChild(protect({}, Effect.never), { startImmediately: true })
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      const leaving = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      expect(leaving.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(written, undefined)
      yield* Fiber.join(leaving)
      expect(words).toEqual(["received", "last before", "started", "last after interrupted", "interrupted"])
    }).pipe(Effect.provide(guard()))
  )
})

describe("unavailable journals", () => {
  it.effect("an unavailable journal rejects calls with its retry time before their handlers run", () =>
    Effect.gen(function* () {
      const words = yield* heard()
      yield* add({ before: () => Effect.fail(unavailable) })
      const error = yield* Effect.flip(
        protect(
          {},
          Effect.sync(() => words.push("ran"))
        )
      )
      expect(error).toMatchObject({ _tag: "JournalUnavailable", retryAfter: 3000 })
      expect(error.message).toBe("the journal of calls cannot be written: try again in 3 s")
      expect(words).toEqual(["received", "refused JournalUnavailable"])
      expect(yield* state).toMatchObject(idle)
      expect((yield* state).circuits.size).toBe(0)
    }).pipe(Effect.provide(guard({ breaker: { failures: 1 } })))
  )

  const broken: Record<string, Writer["before"]> = {
    "has a defect": () => Effect.die("broken"),
    throws: () => {
      throw new Error("broken")
    }
  }
  for (const [name, before = () => Effect.void] of Object.entries(broken)) {
    it.effect(`a journal that ${name} rejects calls and logs the cause`, () =>
      Effect.gen(function* () {
        yield* add({ before })
        const lines = yield* linesOf(Effect.flip(protect({}, Effect.void)))
        expect(lines).toEqual(["The journal failed before a call"])
        expect(yield* Effect.flip(protect({}, Effect.void))).toMatchObject({ _tag: "JournalUnavailable" })
      }).pipe(Effect.provide(guard()))
    )
  }

  it.effect("a journal that hangs rejects the call after 5 seconds", () =>
    Effect.gen(function* () {
      yield* add({ before: () => Effect.never })
      const fiber = yield* Effect.forkChild(protect({}, Effect.void), { startImmediately: true })
      yield* TestClock.adjust("4999 millis")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "JournalUnavailable" })
      expect(yield* state).toMatchObject(idle)
    }).pipe(Effect.provide(guard()))
  )

  it.effect("an interrupted caller does not wait for a hanging journal", () =>
    Effect.gen(function* () {
      yield* add({ before: () => Effect.never })
      const fiber = yield* Effect.forkChild(protect({}, Effect.void), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      expect(yield* state).toMatchObject(idle)
    }).pipe(Effect.provide(guard()))
  )
})

describe("failing records after a call", () => {
  const afters: Record<string, readonly [NonNullable<Writer["after"]>, string]> = {
    "has a defect": [() => Effect.die("broken"), "The journal's record of a call failed"],
    throws: [
      () => {
        throw new Error("broken")
      },
      "The journal's record of a call failed"
    ],
    hangs: [() => Effect.never, "The journal's record of a call took longer than 5s and was interrupted"],
    "cannot be interrupted": [
      () => Effect.uninterruptible(Effect.never),
      "The journal's record of a call took longer than 5s and was interrupted"
    ]
  }
  for (const [name, [after, line]] of Object.entries(afters)) {
    it.effect(`a record that ${name} is logged and affects neither the result nor the next writer`, () =>
      Effect.gen(function* () {
        const words: Array<string> = []
        yield* add({ after })
        yield* add({ after: () => Effect.sync(() => words.push("next")) })
        const fiber = yield* Effect.forkChild(
          linesOf(Effect.map(protect({}, Effect.succeed("answer")), (answer) => words.push(answer)))
        )
        yield* TestClock.adjust("5 seconds")
        expect(yield* Fiber.join(fiber)).toEqual([line])
        expect(words).toEqual(["next", "answer"])
      }).pipe(Effect.provide(guard()))
    )
  }
})

it.effect("a writer is removed with its scope", () =>
  Effect.gen(function* () {
    const words: Array<string> = []
    yield* Effect.scoped(add(noting(words, "journal")))
    yield* protect({}, Effect.void)
    expect(words).toEqual([])
  }).pipe(Effect.provide(guard()))
)

it.effect("a writer that does not record a call is not asked for it, and delays nothing", () => {
  const recorded: Array<string> = []
  return Effect.gen(function* () {
    yield* add({
      records: ({ name }, { status }) => name === "recorded" && status === "succeeded",
      after: ({ name }) => Effect.sync(() => recorded.push(name))
    })
    yield* protect({ name: "other" }, Effect.void)
    yield* protect({ name: "recorded" }, Effect.void)
    yield* Effect.flip(protect({ name: "recorded" }, Effect.fail("no")))
    expect(recorded).toEqual(["recorded"])
  }).pipe(Effect.provide(guard()))
})
