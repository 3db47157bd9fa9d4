/** Statements that write the ledger and its sums, and settle holds. Each runs in a transaction of its caller. */
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { type CallRow, hourOf, tokenNames } from "./callRow.ts"
import { addUnits, Count, rowsOf, Units } from "./columns.ts"
import { HoldRows, lockBudgets } from "./holdStatements.ts"
import { atMost } from "./money.ts"

const counted = [...tokenNames, "unpriced", "uncertain"] as const

const PartRows = rowsOf(Schema.Struct({ hour: Count, amount: Units }))

const KnownRows = rowsOf(
  Schema.Struct({
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

type Summed = Pick<
  CallRow,
  (typeof counted)[number] | "at" | "source" | "principal" | "client" | "tool" | "provider" | "model" | "cost"
>

const addToHour = (sql: SqlClient, row: Summed, sign: 1 | -1) => {
  const values = {
    hour: hourOf(row.at),
    source: row.source,
    principal: row.principal,
    client: row.client,
    tool: row.tool,
    provider: row.provider,
    model: row.model,
    calls: sign,
    ...Object.fromEntries(counted.map((name) => [name, sign * row[name]])),
    cost: BigInt(sign) * row.cost
  }
  const sums = sql.literal(
    [
      ...[...counted, "calls"].map((name) => `${name} = usage_hours.${name} + excluded.${name}`),
      addUnits("usage_hours", "cost")
    ].join(", ")
  )
  return sql`INSERT INTO usage_hours ${sql.insert(values)}
    ON CONFLICT (hour, source, principal, client, tool, provider, model) DO UPDATE SET ${sums}`
}

/** Adds amounts by hour to the sums of all principals and of the principal. */
const addSpent = (
  sql: SqlClient,
  { principal, source }: Pick<CallRow, "source" | "principal">,
  amounts: ReadonlyArray<{ readonly hour: number; readonly amount: bigint }>
) => {
  const changes = amounts.filter(({ amount }) => amount !== 0n)
  const total = changes.reduce((sum, { amount }) => sum + amount, 0n)
  if (changes.length === 0) return Effect.void
  const ofBoth = (each: { readonly hour: number; readonly amount: bigint }) =>
    [
      { source: "", principal: "", ...each },
      { source, principal, ...each }
    ] as const
  const rows = [...ofBoth({ hour: -1, amount: total }), ...changes.flatMap(ofBoth)] as const
  return sql`INSERT INTO usage_spent ${sql.insert(rows)}
    ON CONFLICT (source, principal, hour) DO UPDATE SET ${sql.literal(addUnits("usage_spent", "amount"))}`
}

/** Distributes the cost over the hours of the hold, in order; the excess belongs to the last hour. */
const allocated = (cost: bigint, held: ReadonlyArray<{ readonly hour: number; readonly amount: bigint }>) => {
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
 * Writes the row of a call and settles its hold. Idempotent; a later row of the same call replaces the earlier one. A call
 * that spent nothing and did not end has no row.
 */
export const record = Effect.fnUntraced(function* (sql: SqlClient, row: CallRow) {
  yield* lockBudgets(sql)
  const parts = yield* PartRows(sql`DELETE FROM usage_holds WHERE call_id = ${row.id} RETURNING hour, amount`)
  const [before] = yield* KnownRows(sql`SELECT * FROM usage_calls WHERE id = ${row.id}`)
  if (before === undefined && isEmpty(row)) return
  // The hour of the first row is kept, so that sums of hours do not move.
  const now = { ...row, at: before?.at ?? row.at }
  yield* sql`INSERT INTO usage_calls ${sql.insert(now)}
    ON CONFLICT (id) DO UPDATE SET ${sql.literal(columns.join(", "))}`
  if (before !== undefined) yield* addToHour(sql, before, -1)
  yield* addToHour(sql, now, 1)
  const held = parts.toSorted((a, b) => a.hour - b.hour)
  yield* addSpent(
    sql,
    row,
    before === undefined && held.length > 0
      ? allocated(now.cost, held)
      : [{ hour: hourOf(now.at), amount: now.cost - (before?.cost ?? 0n) }]
  )
})

/** Settles holds of calls whose charges are unknown: the whole hold counts as spent. Returns the number of calls. */
const settleLost = Effect.fnUntraced(function* (sql: SqlClient, which: Fragment) {
  yield* lockBudgets(sql)
  const rows = yield* HoldRows(sql`SELECT * FROM usage_holds WHERE ${which}`)
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
    yield* record(sql, {
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
    })
  }
  return calls.size
})

/** Settles the holds of calls whose process has not renewed its lease. */
export const expire = (sql: SqlClient, now: number) => settleLost(sql, sql`lease_until < ${now}`)

/** Settles the hold of a call whose row cannot be written. */
export const settleInFull = (sql: SqlClient, id: string) =>
  Effect.asVoid(settleLost(sql, sql`call_id = ${id}`))
