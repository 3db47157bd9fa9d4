/** The database: opened at first use, migrated once, shared by processes, and clear errors. */
import { describe, expect } from "bun:test"
import { Database } from "bun:sqlite"
import { mkdir, readdir, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Exit } from "effect"
import {
  databases,
  itPostgres,
  onEachDatabase,
  sqlite,
  sqlOf,
  type StorageSettings
} from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { atOnce } from "../../support/parallelProcesses.ts"
import { migrations } from "../../../layers/storage/migrations.ts"
import { Sql } from "../../../layers/storage/Sql.ts"

const names = migrations.map(({ name }) => ({ name }))

const promise = <A>(run: () => Promise<A>) => Effect.promise(run)

const within = <A, E>(storage: StorageSettings, body: Effect.Effect<A, E, Sql>, settings = {}) =>
  Effect.provide(body, sqlOf(storage, settings))

const read = <A extends object>(statement: string) =>
  Effect.flatMap(Sql, ({ read: run }) => run((sql) => sql.unsafe<A>(statement)))

const tables = read<{ readonly name: string }>("SELECT name FROM manifold_migrations ORDER BY migration_id")

onEachDatabase("the database", (database) => {
  it.live("is migrated at its first use and keeps its data for the next", () =>
    Effect.gen(function* () {
      const storage = yield* database
      expect(yield* within(storage, tables)).toEqual(names)
      expect(yield* within(storage, tables)).toEqual(names)
    })
  )

  it.live("rolls back a transaction that fails or is interrupted", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const insert = (end: Effect.Effect<unknown, string>) =>
        Effect.flatMap(Sql, ({ write }) =>
          write((sql) => Effect.andThen(sql`INSERT INTO usage_spent VALUES ('', '', -1, ${7n})`, end))
        )
      const rows = read("SELECT amount FROM usage_spent")
      yield* within(
        storage,
        Effect.gen(function* () {
          expect(yield* Effect.flip(insert(Effect.fail("no")))).toBe("no")
          expect(Exit.isFailure(yield* Effect.exit(insert(Effect.interrupt)))).toBe(true)
          expect(yield* rows).toEqual([])
          yield* insert(Effect.void)
          expect(yield* rows).toEqual([{ amount: 7n }])
        })
      )
    })
  )

  it.live("keeps integers beyond 2^53 exactly", () =>
    Effect.gen(function* () {
      const amount = 9_007_199_254_740_993n
      const storage = yield* database
      yield* within(
        storage,
        Effect.flatMap(Sql, ({ write }) =>
          write((sql) => sql`INSERT INTO usage_spent VALUES ('', '', -1, ${amount})`)
        )
      )
      expect(yield* within(storage, read("SELECT amount FROM usage_spent"))).toEqual([{ amount }])
    })
  )

  it.live("that a newer version has migrated is rejected", () =>
    Effect.gen(function* () {
      const storage = yield* database
      yield* within(
        storage,
        Effect.flatMap(Sql, ({ write }) =>
          write((sql) => sql`INSERT INTO manifold_migrations (migration_id, name) VALUES (1000, 'later')`)
        )
      )
      const error = yield* Effect.flip(within(storage, tables))
      expect(error).toMatchObject({ _tag: "DatabaseError", reason: "newer" })
      expect(error.message).toContain("newer version")
    })
  )

  it.live("is migrated once by processes that start concurrently", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const program = new URL("databaseProcess.ts", import.meta.url).pathname
      const rows = yield* atOnce(3, program, { STORAGE: JSON.stringify(storage) })
      expect(rows).toEqual(
        Array.from({ length: 3 }, () =>
          expect.stringMatching(new RegExp(`^${migrations.length} of \\d+\\n$`))
        )
      )
      expect(yield* within(storage, read("SELECT amount FROM usage_spent WHERE hour = -2"))).toEqual([
        { amount: 300n }
      ])
    })
  )

  it.live("deletes rows older than their retention, and keeps all-time sums", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const hour = Math.floor(Date.now() / 3_600_000)
      yield* within(
        storage,
        Effect.flatMap(Sql, ({ write }) =>
          write((sql) =>
            Effect.forEach(
              [hour, hour - 47, hour - 24 * 5, -1],
              (each) => sql`INSERT INTO usage_spent VALUES ('', '', ${each}, 1)`
            )
          )
        )
      )
      const left = yield* within(
        storage,
        read<{ readonly hour: bigint }>("SELECT hour FROM usage_spent ORDER BY hour").pipe(
          Effect.repeat({ until: (rows) => rows.length === 3 })
        ),
        { retention: { usage_spent: "3 days" } }
      )
      expect(left.map((row) => Number(row.hour))).toEqual([-1, hour - 47, hour])
    })
  )
})

describe("a SQLite file", () => {
  it.concurrent("is created at first use, readable by its owner only", () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      yield* within(
        storage,
        Effect.gen(function* () {
          yield* Sql
          expect(yield* promise(() => readdir(storage.dir))).toEqual([])
          yield* tables
          for (const file of yield* promise(() => readdir(storage.dir))) {
            expect((yield* promise(() => stat(join(storage.dir, file)))).mode & 0o777).toBe(0o600)
          }
        })
      )
    })
  )

  const writing = Effect.flatMap(Sql, ({ write }) =>
    write((sql) => sql`INSERT INTO usage_spent VALUES ('', '', -1, 1)`)
  )

  it.concurrent("that another process has locked is retried, then an error", () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      yield* within(
        storage,
        Effect.gen(function* () {
          yield* tables
          const other = new Database(join(storage.dir, "manifold.db"))
          other.run("BEGIN IMMEDIATE")
          const error = yield* Effect.flip(writing)
          expect(error).toMatchObject({ _tag: "DatabaseError", reason: "locked", isTransient: true })
          other.run("ROLLBACK")
          yield* writing
          other.close()
        })
      )
    })
  )

  it.concurrent("that is not a database or not a regular file is an error, and used once corrected", () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      const file = join(storage.dir, "manifold.db")
      yield* promise(() =>
        writeFile(file, "not a database at all, but long enough to have a header of its own ".repeat(20))
      )
      yield* within(
        storage,
        Effect.gen(function* () {
          expect(yield* Effect.flip(tables)).toMatchObject({ reason: "damaged" })
          yield* promise(() => writeFile(file, ""))
          yield* tables
        })
      )
      const other = yield* sqlite
      yield* promise(() => mkdir(join(other.dir, "manifold.db")))
      expect(yield* Effect.flip(within(other, tables))).toMatchObject({ reason: "unreachable" })
    })
  )

  it.concurrent("that cannot be written is an error", () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      yield* within(storage, tables)
      yield* within(
        storage,
        Effect.gen(function* () {
          yield* tables
          yield* Effect.flatMap(Sql, ({ read: run }) => run((sql) => sql`PRAGMA query_only = ON`))
          expect(yield* Effect.flip(writing)).toMatchObject({ reason: "read_only" })
        })
      )
    })
  )

  it.concurrent("on a full disk is an error, and the transaction is rolled back", () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      yield* within(
        storage,
        Effect.gen(function* () {
          const { read: run, write } = yield* Sql
          yield* run((sql) => sql`PRAGMA max_page_count = 1`)
          const error = yield* Effect.flip(
            write((sql) =>
              Effect.forEach(
                Array.from({ length: 5000 }, (_, index) => index),
                (index) => sql`INSERT INTO usage_spent VALUES (${"x".repeat(200)}, ${String(index)}, 1, 1)`
              )
            )
          )
          expect(error).toMatchObject({ reason: "full" })
          expect(yield* read("SELECT * FROM usage_spent")).toEqual([])
        })
      )
    })
  )
})

describe("PostgreSQL", () => {
  it.live("that is unreachable is an error without its password", () =>
    Effect.gen(function* () {
      const { dir } = yield* sqlite
      const error = yield* Effect.flip(
        within({ dir, postgres_url: "postgres://someone:hunter2@127.0.0.1:1/nothing" }, tables)
      )
      expect(error).toMatchObject({ reason: "unreachable", database: "127.0.0.1:1/nothing" })
      expect(error.message).not.toContain("hunter2")
    })
  )

  itPostgres.live("is used again after its connections were lost", () =>
    Effect.gen(function* () {
      const storage = yield* databases.PostgreSQL
      const cut =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
      yield* within(
        storage,
        Effect.gen(function* () {
          yield* tables
          yield* within(storage, read(cut))
          yield* Effect.exit(tables)
          expect(yield* tables).toHaveLength(names.length)
        })
      )
    })
  )
})
