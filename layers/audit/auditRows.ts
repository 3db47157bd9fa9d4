/** Statements of the audit log. Those that write run in a transaction of their caller. */
import { Array as Arr, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Count, rowsOf } from "../storage/rows.ts"
import type { AuditEntry } from "./AuditEntry.ts"
import { contentOf, type UnlinkedRow } from "./contentOf.ts"
import { type AuditRow, type Head, link, origin, valuesOf } from "./chain.ts"

const Row = Schema.Struct({
  id: Count,
  at: Count,
  subject: Schema.String,
  client: Schema.String,
  source: Schema.String,
  action: Schema.String,
  target: Schema.String,
  outcome: Schema.String,
  request_id: Schema.String,
  details: Schema.String,
  hash: Schema.String
})

export const Rows = rowsOf(Row)
const Heads = rowsOf(Schema.Struct({ id: Count, hash: Schema.String }))

/** The action of rows that say which rows were removed. */
export const checkpoint = "audit.checkpoint"

/** The last row of the chain. `lock`: until the end of the transaction; SQLite has one writer at a time. */
export const headOf = (sql: SqlClient, lock: boolean): Effect.Effect<Head, SqlError> =>
  Effect.map(
    Heads(
      sql`SELECT id, hash FROM audit_head ${sql.literal(
        lock ? sql.onDialectOrElse({ pg: () => "FOR UPDATE", orElse: () => "" }) : ""
      )}`
    ),
    ([head]) => head ?? origin
  )

/** Rows of one statement. Few sizes, so that SQLite prepares few statements. */
const groups = [50, 10, 1]

const insertStatements = new Map(
  groups.map((size) => [
    size,
    `INSERT INTO audit_rows VALUES ${Array.from({ length: size }, () => `(${"?, ".repeat(10)}?)`).join(", ")}`
  ])
)

/** Written as text: to compile a statement costs more than SQLite's work. */
const insertIntoSqlite = Effect.fnUntraced(function* (sql: SqlClient, rows: ReadonlyArray<AuditRow>) {
  let done = 0
  for (const size of groups) {
    for (; done + size <= rows.length; done += size) {
      yield* sql.unsafe(insertStatements.get(size) ?? "", rows.slice(done, done + size).flatMap(valuesOf))
    }
  }
})

/** One parameter for all rows. */
const insertIntoPostgres = (sql: SqlClient, rows: ReadonlyArray<AuditRow>) =>
  Effect.asVoid(
    sql`INSERT INTO audit_rows
      SELECT (row ->> 0)::bigint, (row ->> 1)::bigint, row ->> 2, row ->> 3, row ->> 4, row ->> 5, row ->> 6, row ->> 7,
        row ->> 8, row ->> 9, row ->> 10
      FROM json_array_elements(${JSON.stringify(rows.map(valuesOf))}::json) AS row`
  )

/** Appends rows, in this order. */
export const append = Effect.fnUntraced(function* (sql: SqlClient, contents: ReadonlyArray<UnlinkedRow>) {
  const rows = link(yield* headOf(sql, true), contents)
  const last = rows.at(-1)
  if (last === undefined) return
  yield* sql.onDialectOrElse({
    pg: () => insertIntoPostgres(sql, rows),
    orElse: () => insertIntoSqlite(sql, rows)
  })
  yield* sql`UPDATE audit_head SET id = ${last.id}, hash = ${last.hash}`
})

/** The oldest rows after `after`. */
export const rowsAfter = (sql: SqlClient, after: number, limit: number) =>
  Rows(sql`SELECT * FROM audit_rows WHERE id > ${after} ORDER BY id LIMIT ${limit}`)

/** The newest row that says which rows were removed. */
export const lastCheckpoint = (sql: SqlClient) =>
  Effect.map(
    Rows(sql`SELECT * FROM audit_rows WHERE action = ${checkpoint} ORDER BY id DESC LIMIT 1`),
    ([row]): AuditRow | undefined => row
  )

/** Rows that one transaction removes. */
const mostRemoved = 1000

/**
 * Removes rows from before `time`, oldest first, and appends a checkpoint with the last one's hash. Rows that follow a younger
 * row stay with it. Returns the number of removed rows.
 */
export const removeBefore = Effect.fnUntraced(function* (
  sql: SqlClient,
  time: number,
  { actor, at }: Pick<AuditEntry, "actor"> & { readonly at: number }
) {
  yield* headOf(sql, true)
  const oldest = yield* rowsAfter(sql, 0, mostRemoved)
  const removed = Arr.takeWhile(oldest, (row) => row.at < time)
  const [first] = removed
  const last = removed.at(-1)
  if (first === undefined || last === undefined) return 0
  const { hash, id } = last
  yield* sql`DELETE FROM audit_rows WHERE id <= ${id}`
  const details = { first: first.id, last: id, hash }
  yield* append(sql, [contentOf({ actor, action: checkpoint, outcome: "succeeded", details }, at)])
  return removed.length
})
