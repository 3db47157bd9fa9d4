/** One of several processes on one database: waits for a line on standard input, then adds to one row a hundred times. */
import { Effect, Logger } from "effect"
import { Sql } from "../../../layers/storage/Sql.ts"
import { sqlOf, type StorageSettings } from "../../support/databases.ts"

const storage = JSON.parse(process.env["STORAGE"] ?? "") as StorageSettings

const program = Effect.gen(function* () {
  const { read, write } = yield* Sql
  yield* Effect.sync(() => process.stdout.write("ready\n"))
  yield* Effect.promise(() => Bun.stdin.text())
  const add = write(
    (sql) => sql`INSERT INTO usage_spent VALUES ('', '', -2, 1)
      ON CONFLICT (source, principal, hour) DO UPDATE SET amount = usage_spent.amount + 1`
  )
  yield* Effect.repeat(add, { times: 99 })
  const migrated = yield* read((sql) => sql`SELECT name FROM manifold_migrations`)
  const [row] = yield* read((sql) => sql<{ readonly amount: bigint }>`SELECT amount FROM usage_spent`)
  yield* Effect.sync(() => process.stdout.write(`${migrated.length} of ${row?.amount}\n`))
})

await Effect.runPromise(
  Effect.provide(program, sqlOf(storage)).pipe(Effect.provideService(Logger.LogToStderr, true))
)
