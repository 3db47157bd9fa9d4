/** Budgets over both databases: held before a call, settled after it, never exceeded, and never refused what is left. */
import { expect } from "bun:test"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { report } from "../../../layers/usage/report.ts"
import { Usage } from "../../../layers/usage/Usage.ts"
import { Principal } from "../../../src/domain/Principal.ts"
import { usd } from "../../support/budget.ts"
import { onEachDatabase } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { protect } from "../../support/guard.ts"
import {
  charge,
  held,
  type Metered,
  model,
  process,
  query,
  recorded,
  rows,
  spent
} from "../../support/usage.ts"

const start = Date.UTC(2026, 10, 26, 10, 30)

const ada = (name: string) =>
  new Principal({ subject: name, clientId: "cli", scopes: ["call"], ceiling: ["call"], source: "api-token" })

const over = (limit: string, resetsAt?: number) => ({
  _tag: "OverBudget",
  limit,
  ...(resetsAt !== undefined && { resetsAt })
})

onEachDatabase("a budget", (database) => {
  /** One process with these settings, at half past ten. */
  const within = <A, E>(usage: Record<string, unknown>, body: Effect.Effect<A, E, Metered>) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const { run } = yield* process(yield* database, usage)
      return yield* run(body)
    })

  it.effect("holds what a call may cost while it runs, and then counts what it cost", () =>
    within(
      { cost_daily_max: 1 },
      Effect.gen(function* () {
        const self = Effect.gen(function* () {
          expect(yield* held).toBe("0.5")
          yield* charge("0.000000000003", { model: "large-1", provider: "acme" })
        })
        yield* protect(model("0.5"), self)
        expect(yield* held).toBe("0")
        expect(yield* spent).toBe("0.000000000003")
        expect(yield* rows).toMatchObject([
          { model: "large-1", provider: "acme", outcome: "succeeded", cost: 3n }
        ])
      })
    )
  )

  it.effect("refuses what would exceed a limit until its window ends, and nothing else", () =>
    within(
      { cost_hourly_max: 1, cost_daily_max: 1.5 },
      Effect.gen(function* () {
        yield* protect(model("1"), charge("0.4"))
        // What was not spent is there again at once.
        yield* protect(model("0.6"), charge("0.6"))
        expect(yield* Effect.flip(protect(model("0.1"), Effect.void))).toMatchObject(
          over("hourly", Date.UTC(2026, 10, 26, 11))
        )
        yield* TestClock.setTime(Date.UTC(2026, 10, 26, 11))
        yield* protect(model("0.5"), charge("0.5"))
        expect(yield* Effect.flip(protect(model("0.1"), Effect.void))).toMatchObject(
          over("daily", Date.UTC(2026, 10, 27))
        )
        // Of two limits, the one that ends last.
        expect(yield* Effect.flip(protect(model("1"), Effect.void))).toMatchObject(
          over("daily", Date.UTC(2026, 10, 27))
        )
        // More than a whole limit never fits.
        expect(yield* Effect.flip(protect(model("1.1"), Effect.void))).not.toHaveProperty("resetsAt")
        expect(yield* spent).toBe("1.5")
      })
    )
  )

  it.effect("gives nothing back when the clock is set back", () =>
    within(
      { cost_hourly_max: 1, cost_daily_max: 10 },
      Effect.gen(function* () {
        yield* protect(model("1"), charge("1"))
        for (const back of [1, 24, 24 * 365]) {
          yield* TestClock.setTime(start - back * 3_600_000)
          expect(yield* Effect.flip(protect(model("0.1"), Effect.void))).toMatchObject(
            over("hourly", Date.UTC(2026, 10, 26, 11))
          )
        }
      })
    )
  )

  it.effect("has limits in total, of each request and of each principal", () =>
    within(
      {
        cost_total_max: 3,
        cost_per_request_max: 1,
        principal: { cost_daily_max: 1 },
        principals: { grace: { cost_daily_max: 2 } }
      },
      Effect.gen(function* () {
        const by = (name: string) => ({ by: ada(name) })
        expect(yield* Effect.flip(protect(model("1.01"), Effect.void))).toMatchObject(over("request"))
        yield* protect(model("1", by("ada")), charge("1"))
        expect(yield* Effect.flip(protect(model("0.5", by("ada")), Effect.void))).toMatchObject(
          over("principal_daily", Date.UTC(2026, 10, 27))
        )
        yield* protect(model("1", by("grace")), charge("1"))
        yield* protect(model("1", by("grace")), charge("0.9"))
        yield* TestClock.setTime(Date.UTC(2026, 11, 26))
        expect(yield* Effect.flip(protect(model("0.2", by("linus")), Effect.void))).toMatchObject(
          over("total")
        )
        yield* protect(model("0.1", by("linus")), Effect.void)
      })
    )
  )

  it.effect("has limits of a token, besides those of its principal, also while usage is not counted", () =>
    Effect.gen(function* () {
      const token = (cost_daily_max: number) => ({
        by: new Principal({
          subject: "ada",
          clientId: "token",
          scopes: ["call"],
          ceiling: ["call"],
          source: "api-token",
          limits: { cost_daily_max }
        })
      })
      const ends = over("principal_daily", Date.UTC(2026, 10, 27))
      yield* within(
        { principal: { cost_daily_max: 2 } },
        Effect.gen(function* () {
          yield* protect(model("1", token(1)), charge("1"))
          expect(yield* Effect.flip(protect(model("0.1", token(1)), Effect.void))).toMatchObject(ends)
          // A token does not raise the limit of its principal.
          yield* protect(model("1", token(9)), charge("1"))
          expect(yield* Effect.flip(protect(model("0.1", token(9)), Effect.void))).toMatchObject(ends)
        })
      )
      yield* within(
        { enabled: false },
        Effect.gen(function* () {
          yield* protect(model("5", { by: ada("ada") }), charge("5"))
          yield* protect(model("1", token(1)), charge("1"))
          expect(yield* Effect.flip(protect(model("0.1", token(1)), Effect.void))).toMatchObject(ends)
        })
      )
    })
  )

  it.effect("counts all calls of a request together, also while they run", () =>
    within(
      { cost_per_request_max: 1 },
      Effect.gen(function* () {
        const parent = {
          requestId: "root",
          correlationId: "root",
          kind: "turn",
          name: "turn",
          principal: ada("ada"),
          trace: undefined
        } as const
        const results = yield* Effect.forEach(
          ["0.6", "0.6", "0.4"],
          (amount) => Effect.exit(protect(model(amount, { parent }), charge(amount))),
          { concurrency: "unbounded" }
        )
        expect(results.map(Exit.isSuccess)).toEqual([true, false, true])
        expect(yield* Effect.flip(protect(model("0.1", { parent }), Effect.void))).toMatchObject(
          over("request")
        )
      })
    )
  )

  it.effect(
    "rejects models without a known price if there is a limit, unless usage.unpriced allows them",
    () =>
      Effect.gen(function* () {
        const unpriced = charge("0", { unpriced: true, usage: { input_tokens: 10, output_tokens: 2 } })
        const refused = yield* Effect.flip(within({ cost_daily_max: 1 }, protect(model(undefined), unpriced)))
        expect(refused).toMatchObject(over("unpriced"))
        expect(refused.message).toContain("usage.unpriced")
        expect(
          yield* Effect.flip(within({ unpriced: "refuse" }, protect(model(undefined), unpriced)))
        ).toMatchObject(over("unpriced"))
        for (const usage of [{}, { cost_daily_max: 1, unpriced: "allow" }]) {
          yield* within(
            usage,
            Effect.gen(function* () {
              yield* protect(model(undefined), unpriced)
              expect(yield* rows).toMatchObject([{ unpriced: 1n, total_tokens: 12n, cost: 0n }])
            })
          )
        }
      })
  )

  it.effect("is released by a call that spent nothing, however it ended", () =>
    within(
      { cost_daily_max: 1 },
      Effect.gen(function* () {
        for (const end of [Effect.void, Effect.fail("no"), Effect.die("broken"), Effect.interrupt]) {
          yield* Effect.exit(protect(model("1"), end))
          expect(yield* held).toBe("0")
        }
        expect((yield* rows).map(({ outcome }) => outcome)).toEqual([
          "succeeded",
          "failed",
          "died",
          "interrupted"
        ])
        yield* protect(model("1"), charge("1"))
      })
    )
  )

  it.effect("settles an uncertain charge at most at what was held, and a certain one as it is", () =>
    within(
      { cost_total_max: 10 },
      Effect.gen(function* () {
        yield* protect(model("1"), charge("1.5", { uncertain: true }))
        expect(yield* spent).toBe("1")
        yield* protect(model("1"), charge("1.5"))
        expect(yield* spent).toBe("2.5")
        expect((yield* rows).map(({ uncertain }) => uncertain)).toEqual([1n, 0n])
      })
    )
  )

  it.effect("holds more on demand, in the window in which it is asked for", () =>
    within(
      { cost_hourly_max: 1 },
      Effect.gen(function* () {
        const extend = (amount: string) => Effect.flatMap(Spend, (each) => each.extend(usd(amount)))
        const self = Effect.gen(function* () {
          yield* extend("0.2")
          expect(yield* Effect.flip(extend("0.3"))).toMatchObject(over("hourly"))
          expect(yield* held).toBe("1")
          yield* TestClock.setTime(Date.UTC(2026, 10, 26, 11))
          yield* extend("1")
          yield* charge("1.5")
        })
        yield* protect(model("0.8"), self)
        expect(yield* held).toBe("0")
        expect(yield* spent).toBe("1.5")
        // 1 of it belongs to the hour before.
        yield* protect(model("0.5"), Effect.void)
        expect(yield* Effect.flip(protect(model("0.6"), Effect.void))).toMatchObject(over("hourly"))
      })
    )
  )

  it.effect("counts amounts and sums beyond the maximum as the maximum", () =>
    within(
      { cost_total_max: 1e9, principal: { cost_daily_max: 1e9 } },
      Effect.gen(function* () {
        const inside = yield* Deferred.make<void>()
        const end = yield* Deferred.make<void>()
        let running = 0
        const self = Effect.gen(function* () {
          yield* (yield* Spend).extend(usd("400000"))
          if (++running === 7) yield* Deferred.succeed(inside, undefined)
          yield* Deferred.await(end)
          yield* charge("3000000")
        })
        const calls = yield* Effect.forkChild(
          Effect.replicateEffect(protect(model("600000"), self), 7, { concurrency: "unbounded" })
        )
        yield* Deferred.await(inside)
        const reported = report(ada("ada"), { all: true, window: "day" })
        expect(yield* reported).toMatchObject({ limits: [{ limit: "total", held_usd: "7000000" }, {}] })
        yield* Deferred.succeed(end, undefined)
        yield* Fiber.join(calls)
        for (let more = 0; more < 3; more++) yield* protect({ name: "tool" }, charge("1e40"))
        expect(yield* spent).toBe("8000000")
        expect(yield* reported).toMatchObject({
          totals: { day: { calls: 10, cost_usd: "8000000" } },
          limits: [{ limit: "total", spent_usd: "8000000", remaining_usd: "0" }, {}],
          models: [{ cost_usd: "7000000" }]
        })
        expect(yield* Effect.flip(protect(model("0.1"), Effect.void))).toMatchObject(over("total"))
      })
    )
  )

  it.effect("settles at the whole hold, as uncertain, what a process held that ended without it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const storage = yield* database
      const survivor = yield* process(storage, { cost_daily_max: 1 })
      // This one does not renew its lease in time, and comes back later.
      const entered = yield* Deferred.make<void>()
      const awake = yield* Deferred.make<void>()
      const sleeper = yield* process(storage, { cost_daily_max: 1 })
      const call = yield* Effect.forkChild(
        sleeper.run(
          protect(
            model("0.7"),
            Effect.gen(function* () {
              yield* Deferred.succeed(entered, undefined)
              yield* Deferred.await(awake)
              yield* charge("0.2")
            })
          )
        )
      )
      yield* Deferred.await(entered)
      const late = query(`UPDATE usage_holds SET lease_until = ${start - 1}`)
      yield* survivor.run(
        Effect.gen(function* () {
          yield* late
          yield* Effect.flatMap(Usage, ({ ledger }) => Effect.flatMap(ledger, (each) => each.expireLeases))
          expect(yield* held).toBe("0")
          expect(yield* spent).toBe("0.7")
          expect(yield* rows).toMatchObject([{ outcome: "lost", uncertain: 1n, model: "large" }])
        })
      )
      yield* Deferred.succeed(awake, undefined)
      yield* Fiber.join(call)
      yield* survivor.run(
        Effect.gen(function* () {
          expect(yield* spent).toBe("0.2")
          expect(yield* recorded).toBe("0.2")
          expect(yield* rows).toMatchObject([{ outcome: "succeeded", uncertain: 0n }])
        })
      )
    })
  )
})
