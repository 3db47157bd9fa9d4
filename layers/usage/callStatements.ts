/** Statements that write the ledger and its sums, and settle holds. Each runs in a transaction of its caller. */
import { Array as Arr, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { type CallRow, hourOf, tokenNames } from "./callRow.ts"
import { Count, rowsOf } from "../storage/rows.ts"
import { Units } from "./columns.ts"
import { HoldRows, lockBudgets } from "./holdStatements.ts"
import { atMost } from "./money.ts"
import { addSpent, addToHours, type HourAmount, ofHour, ofSpent } from "./sumStatements.ts"

const PartRows = rowsOf(Schema.Struct({ call_id: Schema.String, hour: Count, amount: Units }))

const KnownRows = rowsOf(
  Schema.Struct({
    id: Schema.String,
    at: Count,
    source: Schema.String,
    principal: Schema.String,
    client: Schema.String,
    tool: Schema.String,
    provider: Schema.String,
    model: Schema.String,
    cost: Units,
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    cached_input_tokens: Count,
    cache_write_input_tokens: Count,
    reasoning_tokens: Count,
    unpriced: Count,
    uncertain: Count
  })
)

/** Distributes the cost over the hours of the hold, in order; the excess belongs to the last hour. */
const allocated = (cost: bigint, held: ReadonlyArray<HourAmount>) => {
  let left = cost
  return held.map(({ amount, hour }, index) => {
    const part = index === held.length - 1 || left < amount ? left : amount
    left -= part
    return { hour, amount: part }
  })
}

const isEmpty = (row: CallRow) => row.cost === 0n && row.total_tokens === 0 && row.outcome === ""

const columns = [
  "provider",
  "model",
  ...tokenNames,
  "cost",
  "unpriced",
  "uncertain",
  "time_to_first_token_ms",
  "latency_ms",
  "outcome",
  "error_class"
].map((name) => `${name} = excluded.${name}`)

/**
 * Writes rows of different calls, and settles their holds and the holds of calls without a row. Idempotent; a later row of
 * the same call replaces the earlier one. A call that spent nothing and did not end has no row.
 */
export const record = Effect.fnUntraced(function* (
  sql: SqlClient,
  rows: ReadonlyArray<CallRow>,
  released: ReadonlyArray<string> = []
) {
  yield* lockBudgets(sql)
  const ids = rows.map(({ id }) => id)
  const parts = yield* PartRows(
    sql`DELETE FROM usage_holds WHERE call_id IN ${sql.in([...ids, ...released])} RETURNING call_id, hour, amount`
  )
  if (rows.length === 0) return
  const known = yield* KnownRows(sql`SELECT * FROM usage_calls WHERE id IN ${sql.in(ids)}`)
  const partsOf = Map.groupBy(parts, ({ call_id }) => call_id)
  const beforeOf = new Map(known.map((row) => [row.id, row]))
  // The hour of the first row is kept, so that sums of hours do not move.
  const written = rows
    .filter((row) => beforeOf.has(row.id) || !isEmpty(row))
    .map((row) => ({ ...row, at: beforeOf.get(row.id)?.at ?? row.at }))
  if (!Arr.isArrayNonEmpty(written)) return
  yield* sql`INSERT INTO usage_calls ${sql.insert(written)}
    ON CONFLICT (id) DO UPDATE SET ${sql.literal(columns.join(", "))}`
  const hours = written.flatMap((now) => {
    const before = beforeOf.get(now.id)
    return before === undefined ? [ofHour(now, 1)] : [ofHour(before, -1), ofHour(now, 1)]
  })
  yield* addToHours(sql, hours)
  const spent = written.flatMap((now) => {
    const before = beforeOf.get(now.id)
    const held = (partsOf.get(now.id) ?? []).toSorted((a, b) => a.hour - b.hour)
    return ofSpent(
      now,
      before === undefined && held.length > 0
        ? allocated(now.cost, held)
        : [{ hour: hourOf(now.at), amount: now.cost - (before?.cost ?? 0n) }]
    )
  })
  yield* addSpent(sql, spent)
})

/** Settles holds of calls whose charges are unknown: the whole hold counts as spent. Returns the number of calls. */
const settleLost = Effect.fnUntraced(function* (sql: SqlClient, which: Fragment) {
  yield* lockBudgets(sql)
  // All parts of a call, since `record` deletes them all: a part of a later hour may have a lease that has not ended.
  const rows = yield* HoldRows(
    sql`SELECT * FROM usage_holds WHERE call_id IN (SELECT call_id FROM usage_holds WHERE ${which})`
  )
  const calls = Map.groupBy(rows, ({ call_id }) => call_id)
  for (const [id, parts] of calls) {
    const [first] = parts.toSorted((a, b) => a.at - b.at)
    if (first === undefined) continue
    const {
      amount: _,
      call_id: __,
      hour: ___,
      instance: ____,
      lease_until: _____,
      unpriced,
      ...identity
    } = first
    // The lease of an earlier hold of the call may have ended before.
    const [before] = yield* KnownRows(sql`SELECT * FROM usage_calls WHERE id = ${id}`)
    const row = {
      id,
      ...identity,
      provider: "",
      model: identity.kind === "model" ? identity.name : "",
      input_tokens: 0,
      output_tokens: 0,
      total_tokens: 0,
      cached_input_tokens: 0,
      cache_write_input_tokens: 0,
      reasoning_tokens: 0,
      cost: atMost(parts.reduce((sum, { amount }) => sum + amount, before?.cost ?? 0n)),
      unpriced,
      uncertain: 1,
      time_to_first_token_ms: null,
      latency_ms: null,
      outcome: "lost",
      error_class: ""
    }
    yield* record(sql, [row])
  }
  return calls.size
})

/** Settles the holds of calls whose process has not renewed its lease. */
export const expire = (sql: SqlClient, now: number) => settleLost(sql, sql`lease_until < ${now}`)

/** `usage.lease` is an hour at most. In milliseconds. */
const longestLease = 3_600_000

/** The same, and of leases that were written before the clock was set back. */
export const expireAll = (sql: SqlClient, now: number) =>
  settleLost(sql, sql`lease_until < ${now} OR lease_until > ${now + longestLease}`)

/** Settles the hold of a call whose row cannot be written. */
export const settleInFull = (sql: SqlClient, id: string) =>
  Effect.asVoid(settleLost(sql, sql`call_id = ${id}`))
