/** Charges that arrive late, cannot be written, or end under other settings than they began: none is lost, and no hold remains. */
import { SQL } from "bun"
import { expect } from "bun:test"
import { Deferred, Effect, Fiber, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { Usage } from "../../../layers/usage/Usage.ts"
import { renew } from "../../../layers/usage/holdStatements.ts"
import { usd } from "../../support/budget.ts"
import { itPostgres, onEachDatabase, postgres, sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { protect } from "../../support/guard.ts"
import { linesOf } from "../../support/logMessages.ts"
import {
  charge,
  held,
  metered,
  type Metered,
  model,
  process,
  query,
  recorded,
  rows,
  spent
} from "../../support/usage.ts"

const start = Date.UTC(2026, 10, 26, 10, 30)

onEachDatabase("the ledger", (database) => {
  const within = <A, E>(usage: Record<string, unknown>, body: Effect.Effect<A, E, Metered | Scope.Scope>) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const { context } = yield* process(yield* database, usage)
      return yield* Effect.provideContext(Effect.scoped(body), context)
    })

  it.effect("has the late charge of a call that had spent nothing when it ended", () =>
    within(
      { cost_daily_max: 1 },
      Effect.gen(function* () {
        const tool = yield* protect({}, Spend)
        yield* tool.add({ usd: usd("0.1") })
        expect(yield* spent).toBe("0.1")
        const large = yield* protect(model("0.5"), Spend)
        yield* large.add({ usd: usd("0.2") })
        yield* large.add({ usd: usd("0.3") })
        expect(yield* spent).toBe("0.6")
        expect(yield* recorded).toBe("0.6")
        expect((yield* rows).map(({ outcome }) => outcome)).toEqual(["", "succeeded"])
        expect(yield* held).toBe("0")
      })
    )
  )

  it.effect("settles a call that began before usage.enabled was switched off", () =>
    Effect.gen(function* () {
      const usage: Record<string, unknown> = { lease: "1 minute" }
      yield* within(
        usage,
        Effect.gen(function* () {
          const off = Effect.gen(function* () {
            usage["enabled"] = false
            yield* (yield* ConfigSource).reload
          })
          const config = yield* ConfigSource
          yield* protect(
            model("0.5"),
            Effect.gen(function* () {
              yield* Effect.provideService(off, ConfigSource, config)
              yield* charge("0.2")
            })
          )
          expect(yield* held).toBe("0")
          expect(yield* spent).toBe("0.2")
          expect(yield* rows).toMatchObject([{ outcome: "succeeded" }])
          // Later calls are not counted.
          yield* protect(model("0.5"), charge("0.2"))
          yield* protect({}, charge("0.2"))
          expect(yield* spent).toBe("0.2")
        })
      )
    })
  )

  it.effect("logs a row that cannot be encoded, counts its hold as spent, and writes the others", () =>
    within(
      { cost_daily_max: 10 },
      Effect.gen(function* () {
        // A handler in JavaScript can pass any value.
        const broken = { model: 5 as unknown as string }
        const lines = yield* linesOf(
          Effect.forEach(
            [protect(model("0.5"), charge("0.2", broken)), protect({}, charge("0.2", broken))],
            (call) => call,
            { concurrency: 2 }
          )
        )
        expect(
          lines.filter((line) => String(line).startsWith("A row of the ledger cannot be written"))
        ).toHaveLength(2)
        expect(yield* held).toBe("0")
        expect(yield* spent).toBe("0.5")
        expect(yield* rows).toMatchObject([{ outcome: "lost", uncertain: 1n }])
        yield* protect(model("0.5"), charge("0.3"))
        expect(yield* spent).toBe("0.8")
      })
    )
  )

  it.effect("holds only the extension of a hold whose lease has ended", () =>
    within(
      { cost_daily_max: 1 },
      Effect.gen(function* () {
        const { ledger } = yield* Usage
        const { expireLeases } = yield* ledger
        const late = query("UPDATE usage_holds SET lease_until = -1")
        const self = Effect.gen(function* () {
          const { extend } = yield* Spend
          yield* Effect.andThen(late, expireLeases)
          expect(yield* spent).toBe("0.7")
          yield* extend(usd("0.2"))
          expect(yield* held).toBe("0.2")
          yield* extend(usd("0.1"))
          expect(yield* held).toBe("0.3")
          expect(yield* Effect.flip(extend(usd("0.1")))).toMatchObject({ limit: "daily" })
          yield* charge("0.8")
        })
        yield* protect(model("0.7"), self)
        expect(yield* spent).toBe("0.8")
        expect(yield* recorded).toBe("0.8")
        expect(yield* held).toBe("0")
      })
    )
  )

  it.effect("counts both holds of a call whose lease ended twice", () =>
    within(
      {},
      Effect.gen(function* () {
        const { ledger } = yield* Usage
        const { expireLeases } = yield* ledger
        const lose = Effect.andThen(query("UPDATE usage_holds SET lease_until = -1"), expireLeases)
        const self = Effect.gen(function* () {
          yield* lose
          yield* (yield* Spend).extend(usd("0.2"))
          yield* lose
          expect(yield* spent).toBe("0.9")
          expect(yield* recorded).toBe("0.9")
          expect(yield* rows).toMatchObject([{ outcome: "lost" }])
          yield* charge("0.1")
        })
        yield* protect(model("0.7"), self)
        expect(yield* spent).toBe("0.1")
      })
    )
  )

  it.effect("counts the whole hold of a call, although only the lease of its first hour has ended", () =>
    within(
      { cost_daily_max: 1 },
      Effect.gen(function* () {
        const { ledger } = yield* Usage
        const { expireLeases } = yield* ledger
        const self = Effect.gen(function* () {
          // As of a call that began in the hour before, and whose process was killed after the extension.
          yield* query("UPDATE usage_holds SET hour = hour - 1")
          yield* (yield* Spend).extend(usd("0.2"))
          expect(yield* held).toBe("0.9")
          yield* query(
            "UPDATE usage_holds SET lease_until = -1 WHERE hour = (SELECT MIN(hour) FROM usage_holds)"
          )
          yield* expireLeases
          expect([yield* held, yield* spent, yield* recorded]).toEqual(["0", "0.9", "0.9"])
        })
        yield* protect(model("0.7"), self)
      })
    )
  )

  it.effect("settles a hold without a call at the end of its lease, while its process renews others", () =>
    within(
      { lease: "1 minute", cost_daily_max: 10 },
      Effect.gen(function* () {
        const entered = yield* Deferred.make<void>()
        const call = yield* Effect.forkChild(
          protect(model("0.5"), Effect.andThen(Deferred.succeed(entered, undefined), Effect.never))
        )
        yield* Deferred.await(entered)
        const columns =
          "hour, amount, unpriced, lease_until, instance, at, request_id, kind, name, tool, source, principal, client, session, conversation"
        yield* query(
          `INSERT INTO usage_holds (call_id, ${columns}) SELECT 'orphan', ${columns} FROM usage_holds`
        )
        expect(yield* held).toBe("1")
        // Each renewal also settles what has expired.
        yield* Effect.repeat(Effect.andThen(TestClock.adjust("20 seconds"), held), {
          until: (amount) => amount !== "1"
        })
        expect(yield* held).toBe("0.5")
        expect(yield* spent).toBe("0.5")
        expect(yield* rows).toMatchObject([{ id: "orphan", outcome: "lost" }])
        yield* Fiber.interrupt(call)
        expect(yield* held).toBe("0")
      })
    )
  )
})

itPostgres.live(
  "a renewal of leases waits for the lock of budgets before it locks any row, on PostgreSQL",
  () =>
    Effect.gen(function* () {
      const storage = yield* postgres
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => new SQL(storage.postgres_url, { max: 1 })),
        (connection) => Effect.promise(() => connection.close())
      )
      yield* Effect.gen(function* () {
        const { write } = yield* Sql
        yield* protect(
          model("0.5"),
          Effect.gen(function* () {
            const [hold] = yield* query<{ call_id: string }>("SELECT call_id FROM usage_holds")
            const id = hold?.call_id ?? ""
            yield* Effect.promise(() => other`BEGIN`.simple())
            yield* Effect.promise(() => other`SELECT pg_advisory_xact_lock(7201988314)`)
            const renewal = yield* Effect.forkChild(write((sql) => renew(sql, [id], 1)))
            const waiting = query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            yield* Effect.repeat(waiting, { until: (found) => found.length > 0 })
            // As the settlement of that call does. A row that the renewal has locked would be a deadlock.
            const lock = Effect.promise(
              () => other`SELECT 1 FROM usage_holds WHERE call_id = ${id} FOR UPDATE NOWAIT`
            )
            expect(yield* lock).toHaveLength(1)
            yield* Effect.promise(() => other`ROLLBACK`.simple())
            yield* Fiber.join(renewal)
          })
        )
      }).pipe(Effect.provide(metered(storage)))
    })
)

it.live(
  "calls that would add a row are rejected while the ledger's queue is full, also without an estimate",
  () =>
    Effect.gen(function* () {
      const spending = () => protect({ name: "spending" }, charge("0.01"))
      yield* Effect.gen(function* () {
        yield* protect(model("1"), charge("1"))
        yield* query("PRAGMA query_only = ON")
        yield* Effect.replicateEffect(spending(), 10_000, { discard: true })
        expect(yield* Effect.flip(spending())).toMatchObject({ _tag: "JournalUnavailable" })
        expect(yield* Effect.flip(protect(model("1"), charge("1")))).toMatchObject({
          _tag: "JournalUnavailable"
        })
        // A call that has never spent anything runs.
        yield* protect({ name: "other" }, Effect.void)
        yield* query("PRAGMA query_only = OFF")
        yield* Effect.repeat(recorded, { until: (amount) => amount === "101" })
        yield* spending()
      }).pipe(Effect.provide(metered(yield* sqlite, {}, { limits: { enabled: false } })))
    })
)
