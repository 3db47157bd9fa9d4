/** The database of the program: SQLite in the state folder, or the PostgreSQL that instances share. Opened at its first use. */
import {
  Cause,
  Context,
  Duration,
  Effect,
  Exit,
  FileSystem,
  Layer,
  Redacted,
  Schedule,
  Scope,
  Semaphore
} from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ConfigSource } from "../config/ConfigSource.ts"
import type { DatabaseError, DatabasePlace } from "./DatabaseError.ts"
import { section } from "./section.ts"
import { Storage } from "./Storage.ts"

/** Retries of a transaction while another process holds the lock: after a pause, then with exponential delays, 5 s in total. */
const lockedPause = "2 millis"
const whileLocked = Schedule.min([Schedule.exponential("4 millis"), Schedule.spaced("100 millis")]).pipe(
  Schedule.jittered,
  Schedule.upTo({ duration: "5 seconds" })
)

const pruneInterval = Duration.hours(6)

/** A span for each statement would cost more than most statements. */
const untraced = Effect.withTracerEnabled(false)

const isSqlError = (error: unknown): error is SqlError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "SqlError"

/** PostgreSQL's URL without its secrets. */
const addressOf = (url: string): string => {
  const { host, pathname, port } = new URL(url)
  return `${port === "" ? `${host}:5432` : host}${pathname}`
}

/** The configured database, and how to open it. */
const databaseOf = Effect.gen(function* () {
  const { postgres_url: url, retention } = yield* (yield* ConfigSource).read(section)
  const storage = yield* Storage
  const fs = yield* FileSystem.FileSystem
  if (url !== undefined) {
    const place: DatabasePlace = { driver: "postgres", name: addressOf(Redacted.value(url)) }
    const connect = Effect.flatMap(
      Effect.promise(() => import("./postgresClient.ts")),
      ({ postgresClient }) => postgresClient(url)
    )
    return { place, connect, retention }
  }
  const path = storage.path("manifold.db")
  const place: DatabasePlace = { driver: "sqlite", name: path }
  const prepared = Effect.catchTag(storage.prepare, "StorageError", (error) =>
    error.reason === "newer" || error.reason === "damaged"
      ? Effect.flatMap(
          Effect.promise(() => import("./DatabaseError.ts")),
          ({ databaseError }) =>
            Effect.fail(databaseError(place, error.reason === "newer" ? "newer" : "failed", error.message))
        )
      : // It is reported when the file is opened.
        Effect.void
  )
  // SQLite creates its other files with the mode of this one.
  const create = Effect.ignore(fs.writeFile(path, new Uint8Array(0), { flag: "a", mode: 0o600 }))
  const connect = Effect.promise(() => import("./sqliteClient.ts")).pipe(
    Effect.tap(Effect.andThen(prepared, create)),
    Effect.flatMap(({ sqliteClient }) => sqliteClient(path))
  )
  return { place, connect, retention }
})

export class Sql extends Context.Service<
  Sql,
  {
    readonly place: DatabasePlace
    /** Runs statements, each in a separate transaction. */
    readonly read: <A, E, R>(
      use: (sql: SqlClient) => Effect.Effect<A, E | SqlError, R>
    ) => Effect.Effect<A, Exclude<E, SqlError> | DatabaseError, R>
    /**
     * Runs statements in one write transaction, which is rolled back if `use` fails or is interrupted. While another process
     * holds a lock, `use` is retried for at most 5 s.
     */
    readonly write: <A, E, R>(
      use: (sql: SqlClient) => Effect.Effect<A, E | SqlError, R>
    ) => Effect.Effect<A, Exclude<E, SqlError> | DatabaseError, R>
  }
>()("manifold/storage/Sql") {
  /**
   * The first use creates the folder, opens the database, migrates its tables, and starts to remove rows that are older than
   * `storage.retention`. If this fails, the next use tries again.
   */
  static readonly layer = Layer.effect(
    Sql,
    Effect.gen(function* () {
      const { connect, place, retention } = yield* databaseOf
      const scope = yield* Effect.scope
      const opening = yield* Semaphore.make(1)
      let opened: SqlClient | undefined

      /** Converts errors of statements to `DatabaseError`, including those of a rollback. */
      const translated = <A, E, R>(self: Effect.Effect<A, E | SqlError, R>) =>
        Effect.catchCause(self, (cause): Effect.Effect<never, Exclude<E, SqlError> | DatabaseError> => {
          for (const reason of cause.reasons) {
            const error = Cause.isFailReason(reason)
              ? reason.error
              : Cause.isDieReason(reason)
                ? reason.defect
                : undefined
            if (!isSqlError(error)) continue
            return Effect.flatMap(
              Effect.promise(() => import("./DatabaseError.ts")),
              ({ fromSqlError }) => Effect.fail(fromSqlError(place, error))
            )
          }
          // None of its reasons is an `SqlError`.
          return Effect.failCause(cause as Cause.Cause<Exclude<E, SqlError>>)
        })

      const isLocked = (error: unknown) =>
        typeof error === "object" && error !== null && "reason" in error && error.reason === "locked"
      /** The schedule begins with the first failure: most statements need none. */
      const retried = <A, E, R>(self: Effect.Effect<A, E | DatabaseError, R>) =>
        Effect.catchIf(self, isLocked, () =>
          Effect.andThen(
            Effect.sleep(lockedPause),
            Effect.retry(self, { schedule: whileLocked, while: isLocked })
          )
        )

      const open = Effect.gen(function* () {
        const own = yield* Scope.fork(scope)
        const made = Effect.gen(function* () {
          const sql = yield* translated(connect)
          const { migrate } = yield* Effect.promise(() => import("./migrate.ts"))
          yield* translated(migrate(sql, place))
          const { prune } = yield* Effect.promise(() => import("./prune.ts"))
          const pruned = retried(translated(prune(sql, retention))).pipe(
            Effect.catch((error) => Effect.logWarning(`Old rows were not removed: ${error.message}`))
          )
          yield* Effect.forkScoped(Effect.repeat(pruned, Schedule.spaced(pruneInterval)))
          return sql
        }).pipe(Scope.provide(own))
        return yield* Effect.onError(retried(made), (cause) => Scope.close(own, Exit.failCause(cause)))
      })

      const client = Effect.suspend(() =>
        opened === undefined
          ? opening.withPermit(
              Effect.suspend(() =>
                opened === undefined
                  ? Effect.tap(open, (sql) => Effect.sync(() => (opened = sql)))
                  : Effect.succeed(opened)
              )
            )
          : Effect.succeed(opened)
      )

      return Sql.of({
        place,
        read: (use) => Effect.flatMap(client, (sql) => retried(translated(untraced(use(sql))))),
        write: (use) =>
          Effect.flatMap(client, (sql) => retried(translated(untraced(sql.withTransaction(use(sql))))))
      })
    })
  )
}
