/** Statements of the audit log. Those that write run in a transaction of their caller. */
import { Array as Arr, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Count, rowsOf } from "../storage/rows.ts"
import type { AuditEntry } from "./AuditEntry.ts"
import { contentOf } from "./contentOf.ts"
import { AuditRow, columns, type Digest, type Head, link, origin, type UnlinkedRow } from "./chain.ts"

export const Rows = rowsOf(AuditRow)
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

type LinkedRows = ReturnType<typeof link>["rows"]

/** Rows of one statement. Few sizes, so that SQLite prepares few statements. */
const groups = [50, 10, 1]

const insertStatements = new Map(
  groups.map((size) => [
    size,
    `INSERT INTO audit_rows VALUES ${Array.from({ length: size }, () => `(${columns.map(() => "?").join(", ")})`).join(", ")}`
  ])
)

/** Written as text: to compile a statement costs more than SQLite's work. */
const insertIntoSqlite = Effect.fnUntraced(function* (sql: SqlClient, rows: LinkedRows) {
  let done = 0
  for (const size of groups) {
    for (; done + size <= rows.length; done += size) {
      yield* sql.unsafe(insertStatements.get(size) ?? "", rows.slice(done, done + size).flat())
    }
  }
})

const integers: ReadonlySet<string> = new Set(["id", "at"])
const elements = columns.map(
  (column, index) => `(row ->> ${index})::${integers.has(column) ? "bigint" : "text"}`
)

/** One parameter for all rows. */
const insertIntoPostgres = (sql: SqlClient, rows: LinkedRows) =>
  Effect.asVoid(
    sql`INSERT INTO audit_rows SELECT ${sql.literal(elements.join(", "))}
      FROM json_array_elements(${JSON.stringify(rows)}::json) AS row`
  )

/** Appends rows, in this order. */
export const append = Effect.fnUntraced(function* (
  sql: SqlClient,
  contents: ReadonlyArray<UnlinkedRow>,
  digest: Digest
) {
  if (contents.length === 0) return
  const { head, rows } = link(digest, yield* headOf(sql, true), contents)
  yield* sql.onDialectOrElse({
    pg: () => insertIntoPostgres(sql, rows),
    orElse: () => insertIntoSqlite(sql, rows)
  })
  yield* sql`UPDATE audit_head SET id = ${head.id}, hash = ${head.hash}`
})

/** The oldest rows after `after`. */
export const rowsAfter = (sql: SqlClient, after: number, limit: number) =>
  Rows(sql`SELECT * FROM audit_rows WHERE id > ${after} ORDER BY id LIMIT ${limit}`)

/** The newest row up to `head` that says which rows were removed. Rows after the head are not verified. */
export const lastCheckpoint = (sql: SqlClient, head: Head) =>
  Effect.map(
    Rows(
      sql`SELECT * FROM audit_rows WHERE action = ${checkpoint} AND id <= ${head.id} ORDER BY id DESC LIMIT 1`
    ),
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
  { actor, at, digest }: Pick<AuditEntry, "actor"> & { readonly at: number; readonly digest: Digest }
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
  yield* append(sql, [contentOf({ actor, action: checkpoint, outcome: "succeeded", details }, at)], digest)
  return removed.length
})
