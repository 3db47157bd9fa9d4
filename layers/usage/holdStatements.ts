/** Statements for holds of running calls. Each function runs in a transaction of its caller. */
import { Array, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { OverBudget } from "../ledger/Spend.ts"
import type { CallIdentity } from "./callRow.ts"
import { Count, rowsOf } from "../storage/rows.ts"
import { addUnits, sumOfUnits, Units } from "./columns.ts"
import { exceeded, firstHourOf, type Limit, type Owner } from "./limits.ts"

/** Any number; the same for all programs that share the database. */
const budgetLock = 7_201_988_314

/**
 * Locks held and spent amounts until the end of the transaction. SQLite needs no lock: it has one writer at a time.
 */
export const lockBudgets = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => Effect.asVoid(sql`SELECT pg_advisory_xact_lock(${BigInt(budgetLock)})`),
    orElse: () => Effect.void
  })

const Used = rowsOf(
  Schema.Struct({ held: Count, source: Schema.String, principal: Schema.String, hour: Count, amount: Units })
)

/** Amounts spent since the day began and in total, by all principals and by the owner, and all holds. */
export const usedSince = (sql: SqlClient, hour: number, { principal, source }: Owner) =>
  Effect.map(
    Used(sql`
      SELECT 0 AS held, source, principal, hour, amount FROM usage_spent
      WHERE (hour = -1 OR hour >= ${firstHourOf("day", hour)})
        AND ((source = '' AND principal = '') OR (source = ${source} AND principal = ${principal}))
      UNION ALL
      SELECT 1 AS held, source, principal, hour, ${sql.literal(sumOfUnits("amount"))} AS amount FROM usage_holds
      GROUP BY source, principal, hour`),
    (rows) => rows.map((row) => ({ ...row, held: row.held === 1 }))
  )

export interface HoldRequest {
  readonly id: string
  readonly identity: CallIdentity
  readonly instance: string
  readonly hour: number
  /** The amount to add to the call's hold in that hour, in units of 1e-12 USD. */
  readonly more: bigint
  readonly unpriced: boolean
  readonly leaseUntil: number
  readonly limits: ReadonlyArray<Limit>
}

/** The text of a statement by client: making it takes longer than running it. */
const insertions = new WeakMap<SqlClient, string>()

const insert = (sql: SqlClient, row: Readonly<Record<string, bigint | number | string>>) => {
  let text = insertions.get(sql)
  if (text === undefined) {
    ;[text] = sql`INSERT INTO usage_holds ${sql.insert(row)}
      ON CONFLICT (call_id, hour) DO UPDATE SET ${sql.literal(addUnits("usage_holds", "amount"))}, lease_until = excluded.lease_until`.compile()
    insertions.set(sql, text)
  }
  // In the order in which `sql.insert` has them.
  return sql.unsafe(text, Object.values(row))
}

/**
 * Adds to the call's hold, unless a limit would be exceeded. If the lease of the hold has ended, what was held before
 * already counts as spent.
 */
export const hold = (sql: SqlClient, request: HoldRequest): Effect.Effect<void, OverBudget | SqlError> => {
  const { hour, id, identity, instance, leaseUntil, limits, more, unpriced } = request
  const row = {
    call_id: id,
    hour,
    amount: more,
    unpriced: unpriced ? 1 : 0,
    lease_until: leaseUntil,
    instance,
    ...identity
  }
  const held = Effect.asVoid(insert(sql, row))
  if (limits.length === 0) return held
  return Effect.andThen(lockBudgets(sql), usedSince(sql, hour, identity)).pipe(
    Effect.flatMap((used): Effect.Effect<void, OverBudget | SqlError> => {
      const over = exceeded(limits, used, identity, hour, more)
      return over === undefined ? held : Effect.fail(new OverBudget({ name: identity.name, ...over }))
    })
  )
}

/** Statements have a limited number of parameters. */
const mostIds = 1000

/** Renews the leases of running calls. Other holds of the process, such as those of failed statements, expire. */
export const renew = (sql: SqlClient, ids: ReadonlyArray<string>, leaseUntil: number) =>
  Effect.andThen(
    // Before any row is locked: all transactions that wait for each other lock in the same order.
    lockBudgets(sql),
    Effect.forEach(
      Array.chunksOf(ids, mostIds),
      (some) => sql`UPDATE usage_holds SET lease_until = ${leaseUntil} WHERE call_id IN ${sql.in(some)}`,
      { discard: true }
    )
  )

const Counted = rowsOf(Schema.Struct({ count: Count }))

export const countHolds = (sql: SqlClient) =>
  Effect.map(Counted(sql`SELECT COUNT(*) AS count FROM usage_holds`), ([row]) => row?.count ?? 0)

/** Identities of rows of `usage_holds`, and of reports. */
export const identityFields = {
  at: Count,
  request_id: Schema.String,
  kind: Schema.String,
  name: Schema.String,
  tool: Schema.String,
  source: Schema.String,
  principal: Schema.String,
  client: Schema.String,
  session: Schema.String,
  conversation: Schema.String
}

export const HoldRows = rowsOf(
  Schema.Struct({
    call_id: Schema.String,
    hour: Count,
    amount: Units,
    unpriced: Count,
    lease_until: Count,
    instance: Schema.String,
    ...identityFields
  })
)
