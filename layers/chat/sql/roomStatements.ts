/** Bounds of all conversations: the oldest ones make room. Each function runs in a transaction of its caller. */
import { Duration, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Count, rowsOf } from "../../storage/rows.ts"
import type { ChatLimits } from "../roomFor.ts"
import { tooMany } from "../storeErrors.ts"
import { hashOf, isLive, nowOf } from "./conversationRows.ts"

/** Any number; the same for all programs that share the database, and another one than that of budgets. */
const conversationsLock = 7_201_988_315

/** Conversations that are read at a time to be removed. */
const page = 100

/** Conversations begin and end one after the other, so that their number is exact. SQLite has one writer at a time. */
export const lockConversations = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => Effect.asVoid(sql`SELECT pg_advisory_xact_lock(${BigInt(conversationsLock)})`),
    orElse: () => Effect.void
  })

const Sums = rowsOf(Schema.Struct({ count: Count, bytes: Count }))
const Victims = rowsOf(Schema.Struct({ id: Schema.String, principal_hash: Schema.String, bytes: Count }))

export const removeConversations = (sql: SqlClient, ids: ReadonlyArray<string>) =>
  ids.length === 0
    ? Effect.void
    : Effect.asVoid(sql`DELETE FROM chat_conversations WHERE id IN ${sql.in(ids)}`)

const sumsOf = Effect.fnUntraced(function* (sql: SqlClient, principal: string | undefined) {
  const where = principal === undefined ? sql.literal("") : sql`WHERE principal_hash = ${principal}`
  const [sums] = yield* Sums(
    sql`SELECT COUNT(*) AS count, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM chat_conversations ${where}`
  )
  return { count: sums?.count ?? 0, bytes: sums?.bytes ?? 0 }
})

/** SQL: no process runs a turn of it. */
const isIdle = Effect.fnUntraced(function* (sql: SqlClient) {
  return sql`(owner IS NULL OR owner NOT IN (SELECT id FROM chat_instances WHERE ${yield* isLive(sql)}))`
})

/** Removes the oldest conversations that do not run until another turn has room. Fails with `too_many` if they are not enough. */
export const makeRoom = Effect.fnUntraced(function* (
  sql: SqlClient,
  {
    conversation,
    isNew,
    principal
  }: { readonly conversation: string; readonly isNew: boolean; readonly principal: string },
  { max_bytes, max_conversations }: ChatLimits
) {
  const hash = hashOf(principal)
  const own = yield* sumsOf(sql, hash)
  const all = yield* sumsOf(sql, undefined)
  const added = isNew ? 1 : 0
  const isOver = (sums: typeof own, kind: "principal" | "total") =>
    sums.count + added > max_conversations[kind] || sums.bytes >= max_bytes[kind]
  const removed: Array<string> = []
  while (isOver(all, "total") || isOver(own, "principal")) {
    const whose = isOver(all, "total") ? sql.literal("") : sql`AND principal_hash = ${hash}`
    const victims = yield* Victims(sql`SELECT id, principal_hash, bytes FROM chat_conversations
      WHERE id <> ${conversation} AND ${yield* isIdle(sql)} ${whose} ORDER BY updated, id LIMIT ${page}`)
    const chosen: Array<string> = []
    for (const victim of victims) {
      const isOwn = victim.principal_hash === hash
      if (!(isOver(all, "total") || (isOwn && isOver(own, "principal")))) continue
      chosen.push(victim.id)
      for (const sums of isOwn ? [all, own] : [all]) {
        sums.count -= 1
        sums.bytes -= victim.bytes
      }
    }
    if (chosen.length === 0) return yield* tooMany
    yield* removeConversations(sql, chosen)
    removed.push(...chosen)
  }
  return removed
})

/** Removes a page of conversations without an event for that time. Returns their ids. */
export const removeOld = Effect.fnUntraced(function* (sql: SqlClient, before: string) {
  yield* lockConversations(sql)
  const victims = yield* Victims(sql`SELECT id, principal_hash, bytes FROM chat_conversations
    WHERE updated < ${before} AND ${yield* isIdle(sql)} LIMIT ${page}`)
  const ids = victims.map(({ id }) => id)
  yield* removeConversations(sql, ids)
  return ids
})

/** Says that the instance lives, for so long; and forgets those that do not. */
export const renewLease = Effect.fnUntraced(function* (sql: SqlClient, id: string, lease: Duration.Duration) {
  const now = yield* nowOf(sql)
  yield* sql`INSERT INTO chat_instances (id, lease_until) VALUES (${id}, ${now} + ${sql.literal(String(Duration.toMillis(lease)))})
    ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until`
})

export const endLeases = Effect.fnUntraced(function* (sql: SqlClient) {
  yield* sql`DELETE FROM chat_instances WHERE lease_until <= ${yield* nowOf(sql)}`
})
