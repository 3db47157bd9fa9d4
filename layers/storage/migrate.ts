/** Migrates the database's tables, and rejects a database that is newer than the program. */
import { Effect } from "effect"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import { databaseError, type DatabasePlace } from "./DatabaseError.ts"
import { migrations } from "./migrations.ts"

/** The table of the migrations that ran. */
export const migrationsTable = "manifold_migrations"

const run = Migrator.make({})

const loader: Migrator.Loader = Effect.succeed(
  migrations.map(({ name, up }, index) => [index + 1, name, Effect.succeed(up)] as const)
)

/**
 * Runs the missing migrations in one transaction. Processes that start at the same time wait for each other: the lock is
 * taken before the version is read.
 */
export const migrate = (sql: SqlClient, place: DatabasePlace) =>
  Effect.gen(function* () {
    yield* Effect.catchTag(run({ loader, table: migrationsTable }), "MigrationError", (error) =>
      Effect.fail(databaseError(place, "failed", `${error.message}: ${String(error.cause ?? error.kind)}`))
    )
    const [latest] = yield* sql<{
      readonly id: number | bigint | null
    }>`SELECT MAX(migration_id) AS id FROM ${sql(migrationsTable)}`
    const found = Number(latest?.id ?? 0)
    if (found <= migrations.length) return
    return yield* databaseError(
      place,
      "newer",
      `its tables have version ${found}, this program knows ${migrations.length}`
    )
  }).pipe(Effect.provideService(SqlClient, sql))
