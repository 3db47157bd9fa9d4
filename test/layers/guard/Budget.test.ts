/** Budget under Guard: held before a call, extended during it, settled exactly once at its end. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Exit, Fiber, Layer, References, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Budget } from "../../../layers/guard/Budget.ts"
import { Guard } from "../../../layers/guard/Guard.ts"
import { Calls, type Outcome } from "../../../layers/ledger/Calls.ts"
import { Journal } from "../../../layers/ledger/Journal.ts"
import { Spend, type Spent } from "../../../layers/ledger/Spend.ts"
import { suspension, Unavailable } from "../../../src/domain/Transient.ts"
import { fixedBudget, usd } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { linesOf } from "../../support/logMessages.ts"
import { guard, ledger, protect, state, type Wanted } from "../../support/guard.ts"

/** Runs with a budget in USD. */
const within = <A, E>(
  amount: string,
  body: (budget: ReturnType<typeof fixedBudget>) => Effect.Effect<A, E, Guard | Calls | Scope.Scope>,
  limits: Record<string, unknown> = {}
) =>
  Effect.suspend(() => {
    const budget = fixedBudget(amount, Date.UTC(2026, 0, 2))
    return Effect.provide(body(budget), guard(limits, budget.layer))
  })

const estimate = () => usd("0.5")
const spend = (amount: string) => Effect.flatMap(Spend, ({ add }) => add({ usd: usd(amount) }))
const extend = (amount: string) => Effect.flatMap(Spend, (each) => each.extend(usd(amount)))

const outcomes = Effect.gen(function* () {
  const all: Array<Outcome> = []
  yield* (yield* Calls).observe({ finished: (_, outcome) => all.push(outcome) })
  return all
})

describe("estimates", () => {
  it.effect("an estimate is held before the handler runs and settled with the amount spent", () =>
    within("1", ({ asked, left }) =>
      Effect.gen(function* () {
        const self = Effect.gen(function* () {
          expect(left()).toBe("0.5")
          yield* spend("0.1")
          yield* spend("0.02")
        })
        yield* protect({ estimate }, self)
        expect(asked).toEqual(["hold 0.5", "settle 0.12"])
        expect(left()).toBe("0.88")
      })
    )
  )

  it.effect("an estimate is computed from the arguments of the call", () =>
    within("1", ({ asked }) =>
      Effect.gen(function* () {
        const wanted: Wanted = {
          args: { tokens: 12 },
          estimate: (args) => usd((args as { readonly tokens: number }).tokens === 12 ? "0.12" : "0")
        }
        yield* protect(wanted, Effect.void)
        expect(asked[0]).toBe("hold 0.12")
      })
    )
  )

  it.effect(
    "an estimate beyond the budget rejects the call with the end of the window and without a retry time",
    () =>
      within("0.4", ({ left }) =>
        Effect.gen(function* () {
          const all = yield* outcomes
          let ran = 0
          const self = Effect.sync(() => ran++)
          const error = yield* Effect.flip(protect({ estimate, retry: "always" }, self))
          expect(error).toMatchObject({ _tag: "OverBudget", limit: "daily", resetsAt: Date.UTC(2026, 0, 2) })
          expect(error).not.toHaveProperty("retryAfter")
          expect(error).not.toHaveProperty("transient")
          expect(error.message).toBe(
            'tool would exceed the budget "daily": wait until 2026-01-02T00:00:00.000Z, or raise the limit'
          )
          expect(ran).toBe(0)
          expect(all).toMatchObject([{ status: "refused", errorClass: "OverBudget", limit: "daily" }])
          expect(left()).toBe("0.4")
          expect(yield* state).toMatchObject({ running: 0 })
        })
      )
  )

  it.effect("a cached result and a call that was rejected before hold nothing", () =>
    within("1", ({ asked }) =>
      Effect.gen(function* () {
        const wanted: Wanted = { estimate, cache: { ttl: "1 hour", among: "everybody" } }
        const self = Effect.as(spend("0.1"), "answer")
        yield* protect(wanted, self)
        yield* protect(wanted, self)
        yield* Effect.flip(protect({ ...wanted, scopes: ["none"] }, Effect.void))
        expect(asked).toEqual(["hold 0.5", "settle 0.1"])
      })
    )
  )

  it.effect("an estimate that throws is a defect and leaves nothing held", () =>
    within("1", ({ asked }) =>
      Effect.gen(function* () {
        const all = yield* outcomes
        const broken = () => {
          throw new TypeError("no estimate")
        }
        yield* Effect.exit(protect({ estimate: broken }, Effect.void))
        expect(all).toMatchObject([{ status: "died", errorClass: "TypeError" }])
        expect(asked).toEqual([])
        expect(yield* state).toMatchObject({ running: 0 })
      })
    )
  )
})

describe("a call without an estimate", () => {
  it.effect("of a model asks the budget, because its price is not known", () =>
    within("1", ({ asked }) =>
      Effect.gen(function* () {
        yield* protect({ kind: "model" }, spend("0.1"))
        yield* protect({ kind: "model", estimate: () => undefined }, Effect.void)
        expect(asked).toEqual(["hold unpriced", "settle 0.1", "hold unpriced", "settle 0"])
      })
    )
  )

  it.effect("of a tool holds nothing", () =>
    within("1", ({ asked }) =>
      Effect.gen(function* () {
        yield* protect({ estimate: () => undefined }, Effect.void)
        expect(asked).toEqual([])
      })
    )
  )
})

describe("settlement", () => {
  const ends: Record<string, readonly [Wanted, Effect.Effect<unknown, unknown>, Outcome["status"]]> = {
    succeeds: [{}, Effect.void, "succeeded"],
    "succeeds later": [{}, Effect.yieldNow, "succeeded"],
    fails: [{}, Effect.fail("no"), "failed"],
    "has a defect": [{}, Effect.die("broken"), "died"],
    "is interrupted": [{}, Effect.interrupt, "interrupted"],
    "exceeds its time limit": [{ timeLimit: "1 second" }, Effect.never, "failed"],
    "is suspended": [{}, Effect.die({ [suspension]: true }), "suspended"],
    "is tried again": [
      { retry: "always" },
      Effect.fail(new Unavailable({ detail: "away", transient: {} })),
      "failed"
    ]
  }
  for (const [name, [wanted, end, status]] of Object.entries(ends)) {
    for (const held of [true, false]) {
      it.effect(`a call ${held ? "with" : "without"} a hold that ${name} is settled once`, () =>
        within("1", ({ asked, left }) =>
          Effect.gen(function* () {
            const all = yield* outcomes
            const tries = name === "is tried again" ? 3 : 1
            const fiber = yield* Effect.forkChild(
              protect({ ...wanted, ...(held && { estimate }) }, Effect.andThen(spend("0.1"), end))
            )
            yield* TestClock.adjust("1 minute")
            yield* Fiber.await(fiber)
            const sum = tries === 3 ? "0.3" : "0.1"
            expect(asked).toEqual(held ? ["hold 0.5", `settle ${sum}`] : [`charge ${sum}`])
            expect(left()).toBe(tries === 3 ? "0.7" : "0.9")
            expect(all).toMatchObject([{ status, spent: { usd: usd(sum) } }])
          })
        )
      )
    }
  }

  it.effect("a call that its caller interrupts is settled once", () =>
    within("1", ({ asked, left }) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          protect({ estimate }, Effect.andThen(spend("0.1"), Effect.never)),
          { startImmediately: true }
        )
        yield* Fiber.interrupt(fiber)
        expect(asked).toEqual(["hold 0.5", "settle 0.1"])
        expect(left()).toBe("0.9")
      })
    )
  )

  it.effect("a call that an open circuit rejects releases its hold", () =>
    within(
      "1",
      ({ asked, left }) =>
        Effect.gen(function* () {
          yield* Effect.exit(protect({ estimate }, Effect.die("broken")))
          yield* Effect.flip(protect({ estimate }, Effect.void))
          expect(asked).toEqual(["hold 0.5", "settle 0", "hold 0.5", "settle 0"])
          expect(left()).toBe("1")
        }),
      { breaker: { failures: 1 } }
    )
  )
})

describe("extensions", () => {
  it.effect("an extension raises the hold before more is spent", () =>
    within("1", ({ asked, left }) =>
      Effect.gen(function* () {
        const self = Effect.gen(function* () {
          yield* extend("0.3")
          expect(left()).toBe("0.2")
          yield* spend("0.7")
        })
        yield* protect({ estimate }, self)
        expect(asked).toEqual(["hold 0.5", "extend 0.3", "settle 0.7"])
        expect(left()).toBe("0.3")
      })
    )
  )

  it.effect("concurrent extensions of a call without an estimate make one hold", () =>
    within("1", ({ asked }) =>
      Effect.gen(function* () {
        yield* protect({}, Effect.all([extend("0.1"), extend("0.2")], { concurrency: 2 }))
        expect(asked).toEqual(["hold 0.1", "extend 0.2", "settle 0"])
      })
    )
  )

  it.effect("an extension beyond the budget ends the call, and earlier charges are settled", () =>
    within("1", ({ asked, left }) =>
      Effect.gen(function* () {
        const all = yield* outcomes
        const stream = Effect.forever(Effect.andThen(extend("0.2"), spend("0.2")))
        const error = yield* Effect.flip(protect({ estimate }, stream))
        expect(error).toMatchObject({ _tag: "OverBudget", limit: "daily" })
        expect(asked.at(-1)).toBe("settle 0.4")
        expect(left()).toBe("0.6")
        expect(all).toMatchObject([{ status: "refused", limit: "daily", spent: { usd: usd("0.4") } }])
        // Not a failure of the dependency.
        expect((yield* state).circuits.size).toBe(0)
      })
    )
  )

  it.effect(
    "an estimated charge counts as at most what is left of the hold, and a certain one as it is",
    () =>
      Effect.gen(function* () {
        const settled = Effect.fnUntraced(function* (...charges: ReadonlyArray<readonly [string, boolean?]>) {
          return yield* within("9", ({ asked }) => {
            const self = Effect.gen(function* () {
              const { add, extend: more } = yield* Spend
              yield* more(usd("0.5"))
              for (const [amount, uncertain = false] of charges) yield* add({ usd: usd(amount), uncertain })
            })
            return Effect.as(protect({ estimate }, self), () => asked.at(-1))
          }).pipe(Effect.map((last) => last()))
        })
        // 1 is held.
        expect(yield* settled(["1.5", true])).toBe("settle 1")
        expect(yield* settled(["0.7", true], ["0.9"])).toBe("settle 1.6")
        expect(yield* settled(["0.7"], ["0.2", true])).toBe("settle 0.9")
        expect(yield* settled(["0.7"], ["0.9", true])).toBe("settle 1")
        expect(yield* settled(["1.5"], ["0.2", true])).toBe("settle 1.5")
      })
  )

  it.effect("after the end of the call an extension is rejected and a charge is still counted", () =>
    within("1", ({ asked, left }) =>
      Effect.gen(function* () {
        const service = yield* protect({}, Spend)
        expect(yield* Effect.flip(service.extend(usd("0.1")))).toMatchObject({ limit: "call" })
        yield* service.add({ usd: usd("0.1") })
        expect(asked).toEqual(["late 0.1"])
        expect(left()).toBe("0.9")
      })
    )
  )
})

it.live("an interruption at any step releases the hold and is recorded once in the journal", () =>
  Effect.gen(function* () {
    const turns = Effect.repeat(Effect.yieldNow, { times: 2 })
    const ends = new Set<string>()
    for (let steps = 0; steps < 200; steps++) {
      const { asked, layer, left } = fixedBudget("1")
      const slow = Layer.effect(
        Budget,
        Effect.map(Budget, ({ hold, ...charges }) => ({
          ...charges,
          hold: (call, first) =>
            Effect.andThen(
              turns,
              Effect.map(hold(call, first), (held) => ({
                ...held,
                settle: (spent: Spent) => Effect.andThen(turns, held.settle(spent))
              }))
            )
        }))
      ).pipe(Layer.provide(layer))
      const records: Array<string> = []
      yield* Effect.gen(function* () {
        yield* (yield* Journal).add({
          before: () => turns,
          after: (_, { status }) =>
            Effect.andThen(
              turns,
              Effect.sync(() => records.push(status))
            )
        })
        const all = yield* outcomes
        const fiber = yield* Effect.forkChild(
          Effect.provideService(
            protect({ estimate }, Effect.andThen(turns, extend("0.1"))),
            References.MaxOpsBeforeYield,
            5
          ),
          { startImmediately: true }
        )
        for (let step = 0; step < steps; step++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        expect(records).toEqual(all.map(({ status }) => status))
        for (const status of records) ends.add(status)
        expect(yield* state).toMatchObject({ running: 0, waiting: 0 })
      }).pipe(Effect.scoped, Effect.provide(Layer.fresh(guard({}, slow))))
      const count = (word: string) => asked.filter((line) => line.startsWith(word)).length
      expect({ steps, settled: count("settle"), left: left() }).toEqual({
        steps,
        settled: count("hold"),
        left: "1"
      })
    }
    expect([...ends]).toEqual(["interrupted", "succeeded"])
  })
)

it.effect("a settlement that fails or hangs is logged and does not affect the result", () =>
  Effect.gen(function* () {
    const settle = (effect: Effect.Effect<void>) =>
      guard(
        {},
        Layer.succeed(Budget, {
          hold: () => Effect.succeed({ extend: () => Effect.void, settle: () => effect }),
          charge: () => effect,
          chargeLate: () => effect
        })
      )
    const call = protect({ estimate }, Effect.succeed("answer"))
    const lines = yield* linesOf(Effect.provide(call, settle(Effect.die("broken"))))
    expect(lines).toEqual(["Settling the budget of a call failed"])
    const fiber = yield* Effect.forkChild(
      Effect.provide(call, settle(Effect.uninterruptible(Effect.never))),
      {
        startImmediately: true
      }
    )
    yield* TestClock.adjust("4999 millis")
    expect(fiber.pollUnsafe()).toBeUndefined()
    yield* TestClock.adjust("1 millis")
    expect(yield* Fiber.await(fiber)).toEqual(Exit.succeed("answer"))
  })
)

it.effect("a slow settlement is awaited, even by an interrupted caller", () =>
  Effect.gen(function* () {
    const written = yield* Deferred.make<void>()
    let settled = 0
    const layer = Layer.succeed(Budget, {
      hold: () =>
        Effect.succeed({
          extend: () => Effect.void,
          settle: () =>
            Effect.andThen(
              Deferred.await(written),
              Effect.sync(() => settled++)
            )
        }),
      charge: () => Effect.void,
      chargeLate: () => Effect.void
    })
    yield* Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(protect({ estimate }, Effect.never), { startImmediately: true })
      const leaving = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      expect(yield* state).toMatchObject({ running: 1 })
      yield* Deferred.succeed(written, undefined)
      yield* Fiber.join(leaving)
      expect(settled).toBe(1)
      expect(yield* state).toMatchObject({ running: 0 })
    }).pipe(Effect.provide(guard({}, layer)))
  })
)

it.effect("an embedding program can replace the budget of the public layer", () =>
  Effect.gen(function* () {
    const budget = fixedBudget("0")
    const layer = Guard.layer.pipe(
      Layer.provide(budget.layer),
      Layer.provideMerge(ledger),
      Layer.provide(ConfigSource.layerFrom({}))
    )
    const error = yield* Effect.flip(Effect.provide(protect({ estimate }, Effect.void), layer))
    expect(error).toMatchObject({ _tag: "OverBudget" })
    expect(error.message).toBe('tool would exceed the budget "daily": raise the limit to go on')
  })
)

it.effect("a negative charge is a defect of the handler", () =>
  Effect.gen(function* () {
    const all = yield* outcomes
    yield* Effect.exit(protect({}, spend("-0.1")))
    expect(all).toMatchObject([{ status: "died", errorClass: "RangeError" }])
  }).pipe(Effect.provide(guard()))
)
