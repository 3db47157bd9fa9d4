/** The embedded database: one `SqlClient` over one connection to a SQLite file. */
import { Effect, Semaphore } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"
import * as Sqlite from "../platform/Sqlite.ts"

/** One statement or transaction runs at a time. Every transaction begins as a writer, so that its first write cannot fail for a lock. */
export const sqliteClient = Effect.fnUntraced(function* (path: string) {
  const connection = yield* Sqlite.open(path)
  return yield* SqlClient.make({
    ...SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(connection),
      semaphore: yield* Semaphore.make(1),
      isTransaction: ({ isInTransaction }) => isInTransaction()
    }),
    compiler: Statement.makeCompilerSqlite(),
    driver: "sqlite-bun",
    beginTransaction: "BEGIN IMMEDIATE",
    prepareTransactionControls: true,
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "sqlite"]]
  }).pipe(Effect.provide(Reactivity.layer))
})
