/** A connection to a SQLite file through `bun:sqlite`, as `effect/sql` uses connections. */
import { Database, type SQLQueryBindings, type Statement } from "bun:sqlite"
import { Effect, Stream } from "effect"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"

export interface SqliteConnection extends Connection {
  readonly isInTransaction: () => boolean
}

/**
 * Statements wait this long for another process's lock. It is short because the whole process waits; who needs the lock
 * for longer tries again, and waits between the attempts without blocking.
 */
const busyTimeout = 10

const failed = (cause: unknown) => new SqlError({ reason: classifySqliteError(cause) })

/** Values that `bun:sqlite` does not take as they are. */
const bound = (value: unknown): SQLQueryBindings => {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
      return value
    case "boolean":
      return value ? 1 : 0
    default:
      return value instanceof Uint8Array ? value : null
  }
}

/**
 * Opens the file, or makes it, and closes it with the scope. Integers are read as `bigint`. A commit survives the end of
 * the process in any way; a power failure may lose the last ones, and damages nothing (`synchronous = NORMAL`).
 */
export const open = Effect.fnUntraced(function* (path: string) {
  const db = yield* Effect.acquireRelease(
    Effect.try({
      try: () => {
        const opened = new Database(path, { create: true, readwrite: true, safeIntegers: true })
        try {
          // First of all: the next statement already needs a lock, and processes start at once.
          opened.run(`PRAGMA busy_timeout = ${busyTimeout}`)
          opened.run("PRAGMA journal_mode = WAL")
          opened.run("PRAGMA synchronous = NORMAL")
          opened.run("PRAGMA foreign_keys = ON")
          return opened
        } catch (cause) {
          opened.close()
          throw cause
        }
      },
      catch: failed
    }),
    (opened) => Effect.sync(() => opened.close())
  )

  const run = <A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    read: (statement: Statement, values: ReadonlyArray<SQLQueryBindings>) => A
  ) => Effect.try({ try: () => read(db.query(sql), params.map(bound)), catch: failed })
  const rows: Connection["execute"] = (sql, params, transform) =>
    run(sql, params, (statement, values) => {
      const found = statement.all(...values) as ReadonlyArray<object>
      return transform === undefined ? found : transform(found)
    })
  const valuesOf: Connection["executeValues"] = (sql, params) =>
    run(sql, params, (statement, values) => statement.values(...values))

  const connection: SqliteConnection = {
    isInTransaction: () => db.inTransaction,
    execute: rows,
    executeUnprepared: rows,
    executeRaw: (sql, params) => rows(sql, params, undefined),
    executeValues: valuesOf,
    executeValuesUnprepared: valuesOf,
    executeStream: (sql, params, transform) =>
      Stream.unwrap(Effect.map(rows(sql, params, transform), Stream.fromIterable))
  }
  return connection
})
