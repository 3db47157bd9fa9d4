/** Statements for events of conversations. Each function runs in a transaction of its caller. */
import { Array, Clock, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Count, rowsOf } from "../../storage/rows.ts"
import { ChatEventBody, type ChatEvent, isDelta } from "../ChatEvent.ts"
import { ConversationState, isEnd } from "../ConversationState.ts"
import { ChatStoreError } from "../ChatStore.ts"
import { interruptedTurn } from "../storeErrors.ts"
import { hashOf, type ConversationRow } from "./conversationRows.ts"

/** Statements have a limited number of parameters. */
const mostRows = 500

const StoredEvent = Schema.fromJsonString(
  Schema.Struct({ conversation: Schema.String, seq: Count, timestamp: Schema.String })
)
const Body = Schema.fromJsonString(ChatEventBody)
const EventRows = rowsOf(Schema.Struct({ event: Schema.String }))
const Sizes = rowsOf(Schema.Struct({ size: Count }))

const decodeStored = Schema.decodeEffect(StoredEvent)
const decodeBody = Schema.decodeEffect(Body)

const damaged = () =>
  new ChatStoreError({
    reason: "damaged",
    message: "An event of the conversation cannot be read. Restore the database from a backup."
  })

export const eventsOf = Effect.fnUntraced(function* (
  statement: Effect.Effect<ReadonlyArray<unknown>, SqlError>
) {
  const rows = yield* EventRows(statement)
  return yield* Effect.forEach(rows, ({ event }) =>
    Effect.mapError(
      Effect.zipWith(decodeBody(event), decodeStored(event), (body, stored): ChatEvent => ({
        ...stored,
        ...body
      })),
      damaged
    )
  )
})

type EventRow = {
  readonly conversation: string
  readonly seq: number
  readonly type: string
  readonly hop: number
  readonly size: number
  readonly claim: string | null
  readonly event: string
}

export interface Turn {
  /** The instance that runs it. */
  readonly owner: string
  /** Of its message. */
  readonly claim: string
}

/** Begins a conversation that has no events yet. */
export const insertRow = Effect.fnUntraced(function* (
  sql: SqlClient,
  id: string,
  principal: string,
  content: unknown
) {
  const state = new ConversationState(id)
  state.apply({ type: "user_message", seq: 0, timestamp: "", content }, 0)
  const { title } = state.info
  yield* sql`INSERT INTO chat_conversations ${sql.insert({
    id,
    principal_hash: hashOf(principal),
    principal: JSON.stringify(principal),
    created: "",
    updated: "",
    title: JSON.stringify(title),
    last_seq: 0,
    bytes: 0,
    running_request: null,
    running_seq: null,
    owner: null
  })}`
  return {
    id,
    principal,
    created: "",
    updated: "",
    title,
    last_seq: 0,
    bytes: 0,
    running_request: null,
    running_seq: null,
    owner: null,
    alive: 0
  } satisfies ConversationRow
})

/** Appends to the conversation, whose row is locked, and removes deltas of messages that are stored now. */
export const addEvents = Effect.fnUntraced(function* (
  sql: SqlClient,
  row: ConversationRow,
  bodies: ReadonlyArray<ChatEventBody>,
  turn?: Turn
) {
  const timestamp = new Date(yield* Clock.currentTimeMillis).toISOString()
  const events = bodies.map((body, index): ChatEvent => ({
    conversation: row.id,
    seq: row.last_seq + 1 + index,
    timestamp,
    ...body
  }))
  let rows: Array<EventRow> = []
  let { owner, running_request, running_seq } = row
  const superseded = new Set<number>()
  for (const event of events) {
    const text = JSON.stringify(event)
    const hop = "hop" in event ? event.hop : -1
    if (event.type === "assistant_message") {
      superseded.add(hop)
      rows = rows.filter((other) => !isDelta(other.type) || other.hop !== hop)
    }
    if (event.type === "user_message") {
      running_request = event.request_id
      running_seq = event.seq
      owner = turn?.owner ?? null
    }
    if (isEnd(event.type)) running_request = running_seq = owner = null
    rows.push({
      conversation: row.id,
      seq: event.seq,
      type: event.type,
      hop,
      size: Buffer.byteLength(text),
      claim: event.type === "user_message" ? (turn?.claim ?? null) : null,
      event: text
    })
  }
  const removed =
    superseded.size === 0
      ? []
      : yield* Sizes(sql`DELETE FROM chat_events WHERE conversation = ${row.id} AND seq > ${row.running_seq ?? 0}
          AND type IN ('text_delta', 'reasoning_delta') AND hop IN ${sql.in([...superseded])} RETURNING size`)
  const sum = (sizes: ReadonlyArray<{ readonly size: number }>) =>
    sizes.reduce((all, { size }) => all + size, 0)
  const next: ConversationRow = {
    ...row,
    created: row.created === "" ? timestamp : row.created,
    updated: timestamp,
    last_seq: row.last_seq + events.length,
    bytes: row.bytes + sum(rows) - sum(removed),
    running_request,
    running_seq,
    owner,
    alive: owner === null ? 0 : 1
  }
  yield* sql`UPDATE chat_conversations SET created = ${next.created}, updated = ${next.updated},
    last_seq = ${next.last_seq}, bytes = ${next.bytes},
    running_request = ${running_request === null ? null : JSON.stringify(running_request)},
    running_seq = ${running_seq}, owner = ${owner} WHERE id = ${row.id}`
  yield* Effect.forEach(
    Array.chunksOf(rows, mostRows),
    (some) => sql`INSERT INTO chat_events ${sql.insert(some)}`,
    { discard: true }
  )
  return { events, row: next }
})

/** Ends the turn of a process that has died. */
export const interrupt = (sql: SqlClient, row: ConversationRow) =>
  row.running_request === null
    ? Effect.succeed(row)
    : Effect.map(addEvents(sql, row, [interruptedTurn(row.running_request)]), (added) => added.row)

const InputRows = rowsOf(
  Schema.Struct({ type: Schema.String, event: Schema.fromJsonString(Schema.Struct({ id: Schema.String })) })
)

/** Ids of requests for input of the running turn that have no response yet. */
export const openInputs = Effect.fnUntraced(function* (sql: SqlClient, { id, running_seq }: ConversationRow) {
  const rows = yield* InputRows(sql`SELECT type, event FROM chat_events
    WHERE conversation = ${id} AND seq > ${running_seq ?? 0} AND type IN ('input_requested', 'input_answered')
    ORDER BY seq`)
  const open = new Set<string>()
  for (const { event, type } of rows) {
    if (type === "input_requested") open.add(event.id)
    else open.delete(event.id)
  }
  return open
})

/** Whether the running turn was asked to stop. */
export const isStopping = (sql: SqlClient, { id, running_seq }: ConversationRow) =>
  Effect.map(
    sql`SELECT seq FROM chat_events
      WHERE conversation = ${id} AND seq > ${running_seq ?? 0} AND type = 'stop_requested' LIMIT 1`,
    (rows) => rows.length > 0
  )
