/** Budgets when the clock is set: holds of processes that live stay, and those of killed ones end. */
import { expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { usd } from "../../support/budget.ts"
import { sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { protect } from "../../support/guard.ts"
import { withJumps } from "../../support/jumpingClock.ts"
import { held, process, query, spent } from "../../support/usage.ts"

const start = Date.parse("2026-11-26T12:00:00Z")
/** Leases are renewed every second. */
const budget = { cost_daily_max: 10, lease: "3 seconds" }

it.effect("a hold of a call that runs stays, and is settled once", () =>
  withJumps((jump) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const storage = yield* sqlite
      const caller = yield* process(storage, budget)
      const other = yield* process(storage, budget)
      const entered = yield* Deferred.make<void>()
      const finish = yield* Deferred.make<void>()
      const call = yield* Effect.forkChild(
        caller.run(
          protect(
            { kind: "model", name: "large", estimate: () => usd("0.7") },
            Effect.gen(function* () {
              yield* Deferred.succeed(entered, undefined)
              yield* Deferred.await(finish)
              yield* (yield* Spend).add({ usd: usd("0.2") })
            })
          )
        )
      )
      yield* Deferred.await(entered)
      yield* other.run(protect({ kind: "model", name: "small", estimate: () => usd("0.1") }, Effect.void))
      for (const direction of ["forward", "back"] as const) {
        yield* jump(direction === "forward" ? "2 hours" : "4 hours", direction)
        // Each process renews its leases, and looks for ended ones.
        yield* TestClock.adjust("1 second")
        expect([direction, yield* other.run(held)]).toEqual([direction, "0.7"])
      }
      yield* Deferred.succeed(finish, undefined)
      yield* Fiber.join(call)
      expect([yield* other.run(held), yield* other.run(spent)]).toEqual(["0", "0.2"])
    })
  )
)

it.effect("a hold of a killed process ends, although the clock was set back", () =>
  withJumps((jump) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const storage = yield* sqlite
      const caller = yield* process(storage, budget)
      const entered = yield* Deferred.make<void>()
      yield* Effect.forkChild(
        caller.run(
          protect(
            { kind: "model", name: "large", estimate: () => usd("0.7") },
            Effect.andThen(Deferred.succeed(entered, undefined), Effect.never)
          )
        )
      )
      yield* Deferred.await(entered)
      // As of a process that wrote it before, and does not renew it.
      yield* caller.run(query("UPDATE usage_holds SET call_id = 'killed'"))
      yield* jump("2 hours", "back")
      const later = yield* process(storage, budget)
      // Its first use of the ledger settles ended leases.
      yield* later.run(protect({ kind: "model", name: "small", estimate: () => usd("0.1") }, Effect.void))
      yield* Effect.repeat(later.run(held), { until: (amount) => amount === "0" })
      expect(yield* later.run(spent)).toBe("0.7")
    })
  )
)
