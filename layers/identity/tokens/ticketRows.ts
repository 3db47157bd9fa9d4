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
const Counts = rowsOf(Schema.Struct({ own: Count, total: Count }))

/** Maximum of unused tickets, of one principal and of all. */
export interface TicketLimits {
  readonly principal: number
  readonly total: number
}

/** Removes the ticket and returns it: of several requests with one ticket, one gets it. */
export const take = (sql: SqlClient, hash: string) =>
  Effect.map(Rows(sql`DELETE FROM auth_tickets WHERE hash = ${hash} RETURNING *`), ([row]) => row)

/** Adds a ticket unless a limit is reached. */
export const add = Effect.fnUntraced(function* (
  sql: SqlClient,
  row: TicketRow,
  now: number,
  most: TicketLimits
) {
  // Principals may have U+0000 in their names, which PostgreSQL cannot store.
  const principal = JSON.stringify(row.principal)
  yield* sql`DELETE FROM auth_tickets WHERE expires_at <= ${now}`
  const [found] = yield* Counts(
    sql`SELECT COUNT(*) AS total, COUNT(CASE WHEN principal = ${principal} THEN 1 END) AS own FROM auth_tickets`
  )
  if (found !== undefined && (found.own >= most.principal || found.total >= most.total)) return false
  yield* sql`INSERT INTO auth_tickets ${sql.insert({ ...row, principal })}`
  return true
})
