/** A database that is locked, read-only, full, newer or restarted: calls with limits are refused, and nothing that was spent is lost. */
import { Database } from "bun:sqlite"
import { SQL } from "bun"
import { describe, expect } from "bun:test"
import { join } from "node:path"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Spend } from "../../../layers/ledger/Spend.ts"
import type { DatabaseError } from "../../../layers/storage/DatabaseError.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { usd } from "../../support/budget.ts"
import {
  administer,
  itPostgres,
  postgres,
  sqlite,
  sqlOf,
  type StorageSettings
} from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { protect } from "../../support/guard.ts"
import { linesOf } from "../../support/logMessages.ts"
import { tcpProxy } from "../../support/tcpProxy.ts"
import { held, metered, query, recorded, spent } from "../../support/usage.ts"

const call = (during: Effect.Effect<unknown, unknown, never> = Effect.void) =>
  protect(
    { kind: "model", name: "large", estimate: () => usd("0.5") },
    Effect.andThen(
      Effect.flatMap(Spend, ({ add }) => add({ usd: usd("0.25") })),
      Effect.orDie(during)
    )
  )

const limited = { cost_daily_max: 10 }

/** Another process that holds the writer's lock. */
const lock = ({ dir }: StorageSettings) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const other = new Database(join(dir, "manifold.db"))
      other.run("BEGIN IMMEDIATE")
      return { unlock: Effect.sync(() => void other.run("ROLLBACK")), close: () => other.close() }
    }),
    ({ close }) => Effect.sync(close)
  )

/** Ends all other connections to the database. */
const cutOthers =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

const pragma = (text: string) =>
  Effect.flatMap(Sql, ({ read }) => read((sql) => sql.unsafe(`PRAGMA ${text}`)))

describe("a SQLite file", () => {
  const breaks = {
    "that another process has locked": (storage: StorageSettings) =>
      Effect.map(lock(storage), ({ unlock }) => unlock),
    "that cannot be written": () => Effect.as(pragma("query_only = ON"), pragma("query_only = OFF"))
  }
  for (const [name, breakIt] of Object.entries(breaks)) {
    it.concurrent(`${name} refuses calls with a limit, saying so, until it is in order again`, () =>
      Effect.gen(function* () {
        const storage = yield* sqlite
        yield* Effect.gen(function* () {
          yield* call()
          const repair = yield* breakIt(storage)
          let ran = false
          const lines = yield* linesOf(
            Effect.gen(function* () {
              const error = yield* Effect.flip(call(Effect.sync(() => (ran = true))))
              expect(error).toMatchObject({ _tag: "JournalUnavailable" })
              expect((error as Error).message).toMatch(
                /the database (cannot be written|is locked|cannot be reached)/
              )
            })
          )
          expect(ran).toBe(false)
          expect(lines.join("\n")).toContain("manifold.db")
          yield* repair
          yield* call()
          expect(yield* spent).toBe("0.5")
          expect(yield* held).toBe("0")
        }).pipe(Effect.provide(metered(storage, limited)), Effect.scoped)
      })
    )
  }

  it.concurrent("that is locked when a call ends gets what it spent when it is free again", () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      yield* Effect.gen(function* () {
        yield* call()
        const locked = yield* lock(storage)
        yield* locked.unlock
        const again = new Database(join(storage.dir, "manifold.db"))
        yield* call(Effect.sync(() => again.run("BEGIN IMMEDIATE")))
        // The call has ended, and the ledger waits.
        expect(yield* recorded).toBe("0.25")
        again.run("ROLLBACK")
        again.close()
        yield* Effect.repeat(recorded, { until: (amount) => amount === "0.5" })
        expect(yield* spent).toBe("0.5")
        expect(yield* held).toBe("0")
      }).pipe(Effect.provide(metered(storage, limited)), Effect.scoped)
    })
  )

  it.concurrent(
    "on a full disk refuses calls with a limit, and gets what others spent when there is room",
    () =>
      Effect.gen(function* () {
        const storage = yield* sqlite
        yield* Effect.gen(function* () {
          yield* call()
          yield* pragma("max_page_count = 1")
          let ran = 1
          // The pages that exist have room for a few rows.
          const refused = yield* Effect.flip(
            Effect.forever(Effect.tap(call(), () => Effect.sync(() => ran++)))
          )
          expect(refused).toMatchObject({ _tag: "JournalUnavailable" })
          expect((refused as Error).message).toContain("no space is left for the database")
          yield* pragma("max_page_count = 1000000")
          yield* Effect.repeat(recorded, { until: (amount) => Number(amount) === ran * 0.25 })
          yield* call()
          expect(yield* recorded).toBe(yield* spent)
          expect(yield* held).toBe("0")
        }).pipe(Effect.provide(metered(storage, { cost_daily_max: 1000 })))
      })
  )

  it.concurrent("that a newer program has used refuses calls with a limit, and lets others run", () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      yield* Effect.flatMap(Sql, ({ write }) =>
        write((sql) => sql`INSERT INTO manifold_migrations (migration_id, name) VALUES (1000, 'later')`)
      ).pipe(Effect.provide(sqlOf(storage)))
      const refused = yield* Effect.flip(Effect.provide(call(), metered(storage, limited)))
      expect(refused).toMatchObject({ _tag: "JournalUnavailable" })
      expect((refused as Error).message).toContain("newer version")
      yield* Effect.provide(call(), metered(storage))
    })
  )
})

describe("PostgreSQL", () => {
  itPostgres.live(
    "that is down during a call refuses calls with a limit, and gets what was spent when it is up",
    () =>
      Effect.gen(function* () {
        const storage = yield* postgres
        const url = new URL(storage.postgres_url)
        const proxy = yield* tcpProxy(Number(url.port === "" ? 5432 : url.port))
        url.host = `127.0.0.1:${proxy.port}`
        const direct = yield* Layer.build(sqlOf(storage))
        const read = (self: Effect.Effect<string, DatabaseError, Sql>) => Effect.provideContext(self, direct)
        yield* Effect.gen(function* () {
          yield* call()
          yield* call(proxy.stop)
          const refused = yield* Effect.flip(call())
          expect(refused).toMatchObject({ _tag: "JournalUnavailable" })
          expect((refused as Error).message).toContain("the database cannot be reached")
          // The call has ended; its hold is still there.
          expect(yield* read(spent)).toBe("0.25")
          expect(yield* read(held)).toBe("0.5")
          yield* proxy.start
          yield* Effect.repeat(read(held), { until: (amount) => amount === "0" })
          expect(yield* read(spent)).toBe("0.5")
          expect(yield* read(recorded)).toBe("0.5")
          yield* call()
          expect(yield* read(spent)).toBe("0.75")
        }).pipe(Effect.provide(metered({ ...storage, postgres_url: url.href }, limited)))
      })
  )

  itPostgres.live("that has become read-only refuses calls with a limit until it is in order again", () =>
    Effect.gen(function* () {
      const storage = yield* postgres
      const name = new URL(storage.postgres_url).pathname.slice(1)
      const cut = administer(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`
      )
      yield* Effect.gen(function* () {
        yield* call()
        yield* administer(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
        yield* cut
        // The first use of a connection that was cut fails as well.
        const refused = yield* Effect.repeat(Effect.flip(call()), {
          until: (error) =>
            String((error as Error).message).includes("cannot be written: the database cannot be written")
        })
        expect(refused).toMatchObject({ _tag: "JournalUnavailable" })
        yield* administer(`ALTER DATABASE ${name} RESET default_transaction_read_only`)
        yield* cut
        yield* Effect.retry(call(), { while: (error) => String(error).includes("JournalUnavailable") })
        yield* Effect.repeat(spent, { until: (amount) => amount === "0.5" })
        yield* Effect.repeat(held, { until: (amount) => amount === "0" })
      }).pipe(Effect.provide(metered(storage, limited)))
    })
  )

  itPostgres.effect(
    "whose budgets another process has locked refuses calls with a limit after 4 seconds",
    () =>
      Effect.gen(function* () {
        const storage = yield* postgres
        const other = yield* Effect.acquireRelease(
          Effect.sync(() => new SQL(storage.postgres_url, { max: 1 })),
          (connection) => Effect.promise(() => connection.close())
        )
        yield* Effect.gen(function* () {
          yield* call()
          yield* Effect.promise(() => other`BEGIN`.simple())
          yield* Effect.promise(() => other`SELECT pg_advisory_xact_lock(7201988314)`)
          const fiber = yield* Effect.forkChild(Effect.flip(call()))
          const waiting = query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
          yield* Effect.repeat(waiting, { until: (found) => found.length > 0 })
          yield* TestClock.adjust("4 seconds")
          expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "JournalUnavailable" })
          yield* Effect.promise(() => other`ROLLBACK`.simple())
          yield* call()
          yield* Effect.repeat(held, { until: (amount) => amount === "0" })
          expect(yield* spent).toBe("0.5")
        }).pipe(Effect.provide(metered(storage, limited)))
      })
  )

  itPostgres.live("that is restarted during a call has all that was spent, and holds nothing", () =>
    Effect.gen(function* () {
      const storage = yield* postgres
      const cut = Effect.provide(query(cutOthers), sqlOf(storage))
      yield* Effect.gen(function* () {
        yield* call()
        yield* call(cut)
        yield* Effect.repeat(
          Effect.orElseSucceed(recorded, () => ""),
          { until: (amount) => amount === "0.5" }
        )
        expect(yield* spent).toBe("0.5")
        expect(yield* held).toBe("0")
        yield* call()
      }).pipe(Effect.provide(metered(storage, limited)))
    })
  )
})
