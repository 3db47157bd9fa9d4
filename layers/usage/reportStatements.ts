/** Queries of reports. They read hourly sums, so their duration does not grow with the number of calls. */
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { tokenNames } from "./callRow.ts"
import { Count, rowsOf } from "../storage/rows.ts"
import { sumOfUnits, Units } from "./columns.ts"
import { HoldRows } from "./holdStatements.ts"
import type { Owner } from "./limits.ts"

/** Maximum length of a list in a report. */
export const mostRows = 20

const sumFields = {
  calls: Count,
  cost: Units,
  input_tokens: Count,
  output_tokens: Count,
  total_tokens: Count,
  cached_input_tokens: Count,
  cache_write_input_tokens: Count,
  reasoning_tokens: Count,
  unpriced: Count,
  uncertain: Count
}
const Sums = Schema.Struct(sumFields)
export type Sums = typeof Sums.Type

const names = ["calls", ...tokenNames, "unpriced", "uncertain"]

const sums = (sql: SqlClient) =>
  sql.literal(
    [
      ...names.map((name) => `CAST(COALESCE(SUM(${name}), 0) AS BIGINT) AS ${name}`),
      `${sumOfUnits("cost")} AS cost`
    ].join(", ")
  )

/** Rows of the owner, or of all principals. */
const of = (sql: SqlClient, owner: Owner | undefined) =>
  owner === undefined
    ? sql.literal("1 = 1")
    : sql`source = ${owner.source} AND principal = ${owner.principal}`

const HourRows = rowsOf(Schema.Struct({ hour: Count, ...sumFields }))

/** Sums of each hour with a recorded call since the given hour, in order. */
export const byHour = (sql: SqlClient, since: number, owner: Owner | undefined) =>
  HourRows(sql`SELECT hour, ${sums(sql)} FROM usage_hours
    WHERE hour >= ${since} AND ${of(sql, owner)} GROUP BY hour ORDER BY hour`)

/** The most expensive groups since the given hour, without calls whose first column is empty. */
const byColumns = (
  sql: SqlClient,
  columns: readonly [string, ...ReadonlyArray<string>],
  since: number,
  owner: Owner | undefined
) => {
  const grouped = sql.literal(columns.join(", "))
  return sql`SELECT ${grouped}, ${sums(sql)} FROM usage_hours
    WHERE hour >= ${since} AND ${of(sql, owner)} AND ${sql.literal(columns[0])} <> ''
    GROUP BY ${grouped} ORDER BY ${sql.literal(sumOfUnits("cost"))} DESC, SUM(total_tokens) DESC LIMIT ${mostRows}`
}

const ModelRows = rowsOf(Schema.Struct({ model: Schema.String, provider: Schema.String, ...sumFields }))
export const byModel = (sql: SqlClient, since: number, owner: Owner | undefined) =>
  ModelRows(byColumns(sql, ["model", "provider"], since, owner))

const ToolRows = rowsOf(Schema.Struct({ tool: Schema.String, ...sumFields }))
export const byTool = (sql: SqlClient, since: number, owner: Owner | undefined) =>
  ToolRows(byColumns(sql, ["tool"], since, owner))

const PrincipalRows = rowsOf(
  Schema.Struct({ principal: Schema.String, source: Schema.String, client: Schema.String, ...sumFields })
)
export const byPrincipal = (sql: SqlClient, since: number, owner: Owner | undefined) =>
  PrincipalRows(byColumns(sql, ["principal", "source", "client"], since, owner))

const RateRows = rowsOf(Schema.Struct({ cost: Units, tokens: Count }))

/** The cost of calls that began at or after a time, in milliseconds since the epoch. */
export const costSince = (sql: SqlClient, since: number, owner: Owner | undefined) =>
  Effect.map(
    RateRows(sql`SELECT ${sql.literal(sumOfUnits("cost"))} AS cost,
      CAST(COALESCE(SUM(total_tokens), 0) AS BIGINT) AS tokens
      FROM usage_calls WHERE at >= ${since} AND ${of(sql, owner)}`),
    ([row]) => row ?? { cost: 0n, tokens: 0 }
  )

/** The oldest holds of running calls. */
export const openHolds = (sql: SqlClient, owner: Owner | undefined) =>
  HoldRows(sql`SELECT * FROM usage_holds WHERE ${of(sql, owner)} ORDER BY at LIMIT ${mostRows}`)
