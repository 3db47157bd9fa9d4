/** Removes rows that are older than the retention of their table. */
import { Clock, Duration, Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Retention } from "./section.ts"

/** Maximum number of rows that one statement removes: other statements wait for it. */
const most = 1000

export const prune = Effect.fnUntraced(function* (sql: SqlClient, retention: Retention) {
  const now = yield* Clock.currentTimeMillis
  const before = (table: keyof Retention) => now - Duration.toMillis(retention[table])
  const old = sql`SELECT id FROM usage_calls WHERE at < ${before("usage_calls")} LIMIT ${most}`
  yield* Effect.repeat(sql`DELETE FROM usage_calls WHERE id IN (${old}) RETURNING id`, {
    while: (removed) => removed.length === most
  })
  // Hour -1 is the sum of all hours.
  const hour = Math.floor(before("usage_spent") / 3_600_000)
  yield* sql`DELETE FROM usage_spent WHERE hour >= 0 AND hour < ${hour}`
  yield* sql`DELETE FROM usage_hours WHERE hour < ${hour}`
  const token = before("api_tokens")
  yield* sql`DELETE FROM api_tokens WHERE revoked_at < ${token} OR expires_at < ${token}`
  yield* sql`DELETE FROM auth_tickets WHERE expires_at < ${now}`
  const expired = sql`SELECT id FROM oauth_records WHERE expires_at < ${now} LIMIT ${most}`
  yield* Effect.repeat(
    sql`DELETE FROM oauth_records WHERE expires_at < ${now} AND id IN (${expired}) RETURNING id`,
    {
      while: (removed) => removed.length > 0
    }
  )
})
