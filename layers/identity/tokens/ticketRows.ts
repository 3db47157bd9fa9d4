/** Rows of tickets. Each function runs in a transaction of its caller. */
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Count, rowsOf } from "../../storage/rows.ts"

const Row = Schema.Struct({
  hash: Schema.String,
  credential: Schema.String,
  principal: Schema.fromJsonString(Schema.String),
  path: Schema.String,
  expires_at: Count
})
export type TicketRow = typeof Row.Type

const Rows = rowsOf(Row)
const Counts = rowsOf(Schema.Struct({ count: Count }))

/** Removes the ticket and returns it: of several requests with one ticket, one gets it. */
export const take = (sql: SqlClient, hash: string) =>
  Effect.map(Rows(sql`DELETE FROM auth_tickets WHERE hash = ${hash} RETURNING *`), ([row]) => row)

/** Adds a ticket unless its principal has `most` of them. */
export const add = Effect.fnUntraced(function* (sql: SqlClient, row: TicketRow, now: number, most: number) {
  // Principals may have U+0000 in their names, which PostgreSQL cannot store.
  const principal = JSON.stringify(row.principal)
  yield* sql`DELETE FROM auth_tickets WHERE expires_at <= ${now}`
  const [found] = yield* Counts(
    sql`SELECT COUNT(*) AS count FROM auth_tickets WHERE principal = ${principal}`
  )
  if ((found?.count ?? 0) >= most) return false
  yield* sql`INSERT INTO auth_tickets ${sql.insert({ ...row, principal })}`
  return true
})
