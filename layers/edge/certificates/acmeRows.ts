/** Rows of ACME: accounts, orders, challenges. */
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Count, rowsOf, storedText } from "../../storage/rows.ts"
import { countChange } from "./certificateRows.ts"

const Order = Schema.Struct({
  host: Schema.String,
  directory: Schema.String,
  /** Null until the CA has the order. */
  order_url: Schema.NullOr(Schema.String),
  /** The encrypted key of the certificate to come. */
  sealed_key: Schema.NullOr(Schema.String),
  /** Failures in a row. */
  attempts: Count,
  last_error: Schema.NullOr(Schema.String),
  /** The next attempt, in milliseconds since the epoch. */
  next_at: Count,
  updated_at: Count
})
export type OrderRow = typeof Order.Type

const Orders = rowsOf(Order)
const Accounts = rowsOf(
  Schema.Struct({
    directory: Schema.String,
    url: Schema.String,
    sealed_key: Schema.String,
    created_at: Count
  })
)
export type AccountRow = Effect.Success<ReturnType<typeof Accounts>>[number]
const Challenges = rowsOf(Schema.Struct({ key_authorization: Schema.String }))

/** The row that defers all hosts after a failure of the account. */
export const everyHost = "*"

/** Longest stored error, in characters. */
const longestError = 1000

export const listOrders = (sql: SqlClient) => Orders(sql`SELECT * FROM edge_acme_orders`)

export const findOrder = (sql: SqlClient, host: string) =>
  Effect.map(Orders(sql`SELECT * FROM edge_acme_orders WHERE host = ${host}`), ([row]) => row)

/** Inserts or replaces the order of the host. */
export const saveOrder = Effect.fnUntraced(function* (sql: SqlClient, order: OrderRow) {
  const last_error = order.last_error === null ? null : storedText(order.last_error, longestError)
  yield* sql`DELETE FROM edge_acme_orders WHERE host = ${order.host}`
  yield* sql`INSERT INTO edge_acme_orders ${sql.insert({ ...order, last_error })}`
  yield* countChange(sql)
})

/** Ends the delay before the next attempt of the host, and of the account; the failed ones among them. */
export const retryOrder = Effect.fnUntraced(function* (sql: SqlClient, host: string, now: number) {
  const found = yield* Orders(
    sql`UPDATE edge_acme_orders SET next_at = ${now} WHERE host IN ${sql.in([host, everyHost])} AND attempts > 0 RETURNING *`
  )
  if (found.length > 0) yield* countChange(sql)
  return found
})

export const removeOrder = Effect.fnUntraced(function* (sql: SqlClient, host: string) {
  yield* sql`DELETE FROM edge_acme_orders WHERE host = ${host}`
  yield* countChange(sql)
})

/** How long the order of a host that is no longer served is kept, so that back-off goes on if it is served again. */
const keptOrder = 7 * 24 * 60 * 60_000

export const removeOldOrders = (sql: SqlClient, now: number) =>
  sql`DELETE FROM edge_acme_orders WHERE next_at < ${now} AND updated_at < ${now - keptOrder}`

export const findAccount = (sql: SqlClient, directory: string) =>
  Effect.map(Accounts(sql`SELECT * FROM edge_acme_accounts WHERE directory = ${directory}`), ([row]) => row)

export const saveAccount = (sql: SqlClient, account: AccountRow) =>
  sql`INSERT INTO edge_acme_accounts ${sql.insert(account)}
    ON CONFLICT (directory) DO UPDATE SET url = excluded.url, sealed_key = excluded.sealed_key`

export const removeAccount = (sql: SqlClient, directory: string) =>
  sql`DELETE FROM edge_acme_accounts WHERE directory = ${directory}`

export const findChallenge = (sql: SqlClient, token: string, now: number) =>
  Effect.map(
    Challenges(
      sql`SELECT key_authorization FROM edge_acme_challenges WHERE token = ${token} AND expires_at > ${now}`
    ),
    ([row]) => row?.key_authorization
  )

export const saveChallenge = Effect.fnUntraced(function* (
  sql: SqlClient,
  challenge: { readonly token: string; readonly key_authorization: string; readonly expires_at: number },
  now: number
) {
  yield* sql`DELETE FROM edge_acme_challenges WHERE expires_at <= ${now}`
  yield* sql`INSERT INTO edge_acme_challenges ${sql.insert(challenge)}
    ON CONFLICT (token) DO UPDATE SET
      key_authorization = excluded.key_authorization, expires_at = excluded.expires_at`
})

export const removeChallenge = (sql: SqlClient, token: string) =>
  sql`DELETE FROM edge_acme_challenges WHERE token = ${token}`
