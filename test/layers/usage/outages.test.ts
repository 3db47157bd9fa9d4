/** A database that is locked, read-only, full, newer or restarted: calls with limits are refused, and nothing that was spent is lost. */
import { Database } from "bun:sqlite"
import { describe, expect } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { usd } from "../../support/budget.ts"
import { postgres, sqlite, sqlOf, type StorageSettings } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { protect } from "../../support/guard.ts"
import { linesOf } from "../../support/logMessages.ts"
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

const pragma = (text: string) =>
  Effect.flatMap(Sql, ({ read }) => read((sql) => sql.unsafe(`PRAGMA ${text}`)))

describe("a SQLite file", () => {
  const breaks = {
    "that another process has locked": (storage: StorageSettings) =>
      Effect.map(lock(storage), ({ unlock }) => unlock),
    "that cannot be written": () => Effect.as(pragma("query_only = ON"), pragma("query_only = OFF"))
  }
  for (const [name, breakIt] of Object.entries(breaks)) {
    it.live(`${name} refuses calls with a limit, saying so, until it is in order again`, () =>
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

  it.live("that is locked when a call ends gets what it spent when it is free again", () =>
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

  it.live("that a newer program has used refuses calls with a limit, and lets others run", () =>
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
  it.live("that is restarted during a call has all that was spent, and holds nothing", () =>
    Effect.gen(function* () {
      const storage = yield* postgres
      const cut = query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
      ).pipe(Effect.provide(sqlOf(storage)))
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
