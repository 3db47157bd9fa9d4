/** The database as stores of conversations use it, with their errors. */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { DatabaseError } from "../../storage/DatabaseError.ts"
import { Sql } from "../../storage/Sql.ts"
import { ChatStoreError } from "../ChatStore.ts"

const unavailable = (error: DatabaseError) =>
  Effect.andThen(
    Effect.logWarning(`Conversations cannot be stored or read: ${error.message}`),
    Effect.fail(
      new ChatStoreError({
        reason: error.reason === "damaged" ? "damaged" : "unavailable",
        message: `Conversations are not available: ${error.forCallers}.`
      })
    )
  )

type Use<A> = (db: SqlClient) => Effect.Effect<A, ChatStoreError | SqlError>

export interface ChatDatabase {
  readonly read: <A>(use: Use<A>) => Effect.Effect<A, ChatStoreError>
  /** In one transaction. */
  readonly write: <A>(use: Use<A>) => Effect.Effect<A, ChatStoreError>
}

export const chatDatabase = Effect.map(Sql, (sql): ChatDatabase => ({
  read: <A>(use: Use<A>) =>
    Effect.catchTag(sql.read<A, ChatStoreError, never>(use), "DatabaseError", unavailable),
  write: <A>(use: Use<A>) =>
    Effect.catchTag(sql.write<A, ChatStoreError, never>(use), "DatabaseError", unavailable)
}))
