/** Statements of the audit log. Those that write run in a transaction of their caller. */
import { Array as Arr, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Count, rowsOf, storedText } from "../storage/rows.ts"
import type { AuditEntry } from "./AuditEntry.ts"
import { type AuditRow, type Content, type Head, link, origin } from "./chain.ts"

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

const longestTarget = 1024
/** Characters of the JSON. */
const longestDetails = 8192

/** The action of rows that say which rows were removed. */
export const checkpoint = "audit.checkpoint"

export interface TimedEntry extends AuditEntry {
  /** In milliseconds since the epoch. */
  readonly at: number
}

const detailsOf = (details: AuditEntry["details"]): string => {
  const json = JSON.stringify(details ?? {}).toWellFormed()
  return json.length <= longestDetails ? json : JSON.stringify({ omitted_characters: json.length })
}

const contentOf = (entry: TimedEntry): Omit<Content, "id"> => ({
  at: entry.at,
  subject: storedText(entry.actor.subject),
  client: storedText(entry.actor.client),
  source: entry.actor.source,
  action: storedText(entry.action),
  target: storedText(entry.target, longestTarget),
  outcome: entry.outcome,
  request_id: storedText(entry.requestId),
  details: detailsOf(entry.details)
})

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

/** Appends rows, in this order. */
export const append = Effect.fnUntraced(function* (sql: SqlClient, entries: ReadonlyArray<TimedEntry>) {
  const rows = link(yield* headOf(sql, true), entries.map(contentOf))
  if (!Arr.isReadonlyArrayNonEmpty(rows)) return
  yield* sql`INSERT INTO audit_rows ${sql.insert(Arr.map(rows, (row) => ({ ...row })))}`
  const { hash, id } = Arr.lastNonEmpty(rows)
  yield* sql`UPDATE audit_head SET id = ${id}, hash = ${hash}`
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
  entry: Pick<TimedEntry, "actor" | "at">
) {
  yield* headOf(sql, true)
  const oldest = yield* rowsAfter(sql, 0, mostRemoved)
  const removed = Arr.takeWhile(oldest, ({ at }) => at < time)
  const [first] = removed
  const last = removed.at(-1)
  if (first === undefined || last === undefined) return 0
  const { hash, id } = last
  yield* sql`DELETE FROM audit_rows WHERE id <= ${id}`
  const details = { first: first.id, last: id, hash }
  yield* append(sql, [{ ...entry, action: checkpoint, outcome: "succeeded", details }])
  return removed.length
})
