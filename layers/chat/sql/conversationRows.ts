/** Rows of conversations, and whether the process of their turn lives. Each function runs in a transaction of its caller. */
import { Clock, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Hex from "effect/encoding/Hex"
import { sha256 } from "../../platform/digest.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import type { Conversation } from "../ChatStore.ts"

const JsonText = Schema.fromJsonString(Schema.String)

const Row = Schema.Struct({
  id: Schema.String,
  principal: JsonText,
  created: Schema.String,
  updated: Schema.String,
  title: JsonText,
  last_seq: Count,
  bytes: Count,
  running_request: Schema.NullOr(JsonText),
  running_seq: Schema.NullOr(Count),
  owner: Schema.NullOr(Schema.String),
  /** 1: the lease of the owner has not ended. */
  alive: Count
})
export type ConversationRow = typeof Row.Type

const Rows = rowsOf(Row)

export const hashOf = (...texts: ReadonlyArray<string>): string => Hex.encode(sha256(JSON.stringify(texts)))

/** Whether both databases can have the text: no other one is the id of a conversation. */
export const isStorable = (text: string): boolean => !text.includes("\0") && text.isWellFormed()

/** SQL: milliseconds since the epoch, by the clock that all processes share. */
export const nowOf = (sql: SqlClient) =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    sql.onDialectOrElse({
      pg: () => sql.literal("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"),
      orElse: () => sql.literal(String(now))
    })
  )

/** Leases are shorter. One that ends later was written before the clock was set back. In milliseconds. */
const longestLease = 60_000

/** SQL: the lease of an instance has not ended. */
export const isLive = Effect.fnUntraced(function* (sql: SqlClient) {
  const now = yield* nowOf(sql)
  return sql`lease_until > ${now} AND lease_until <= ${now} + ${sql.literal(String(longestLease))}`
})

const columns = Effect.fnUntraced(function* (sql: SqlClient) {
  return sql`SELECT c.*, CASE WHEN EXISTS (
      SELECT 1 FROM chat_instances i WHERE i.id = c.owner AND ${yield* isLive(sql)}
    ) THEN 1 ELSE 0 END AS alive FROM chat_conversations c`
})

/** Until the end of the transaction no other process changes the row. SQLite has one writer at a time. */
export const lockRow = Effect.fnUntraced(function* (sql: SqlClient, id: string) {
  if (!isStorable(id)) return undefined
  const lock = sql.literal(sql.onDialectOrElse({ pg: () => "FOR UPDATE", orElse: () => "" }))
  const [row] = yield* Rows(sql`${yield* columns(sql)} WHERE c.id = ${id} ${lock}`)
  return row
})

export const findRows = Effect.fnUntraced(function* (sql: SqlClient, ids: ReadonlyArray<string>) {
  const known = ids.filter(isStorable)
  if (known.length === 0) return []
  return yield* Rows(sql`${yield* columns(sql)} WHERE c.id IN ${sql.in(known)}`)
})

export const rowsOfPrincipal = Effect.fnUntraced(function* (sql: SqlClient, principal: string) {
  return yield* Rows(sql`${yield* columns(sql)} WHERE c.principal_hash = ${hashOf(principal)}`)
})

/** Whether the process that ran its turn has died. */
export const isInterrupted = ({ alive, running_request }: ConversationRow): boolean =>
  running_request !== null && alive === 0

export const infoOf = (row: ConversationRow): Conversation => ({
  id: row.id,
  principal: row.principal,
  created: row.created,
  updated: row.updated,
  title: row.title,
  lastSeq: row.last_seq,
  running:
    row.running_request === null || row.running_seq === null
      ? undefined
      : { requestId: row.running_request, seq: row.running_seq }
})
