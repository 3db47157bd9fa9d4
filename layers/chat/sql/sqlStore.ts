/** Conversations in the database, shared by all processes that use it. A turn is alive while its process renews its lease. */
import { Effect, Result, Semaphore, Stream } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { Ids } from "../../platform/Ids.ts"
import type { ChatEvent, ChatEventBody } from "../ChatEvent.ts"
import { ChatStore, ChatStoreError, type Begun, type NewTurn } from "../ChatStore.ts"
import { isEnd } from "../ConversationState.ts"
import type { ChatLimits } from "../roomFor.ts"
import { alreadyRuns, ended, notFound } from "../storeErrors.ts"
import { type EventSource, watchEvents, watchResponses } from "../watchEvents.ts"
import { chatDatabase } from "./chatDatabase.ts"
import { hashOf, infoOf, isStorable, lockRow } from "./conversationRows.ts"
import { addEvents, eventsOf, insertRow, interrupt, isStopping, openInputs } from "./eventStatements.ts"
import { listConversations } from "./listConversations.ts"
import { makeBatches } from "./makeBatches.ts"
import { makeLiveTurns, type TurnSettings } from "./makeLiveTurns.ts"
import { lockConversations, makeRoom, removeConversations } from "./roomStatements.ts"

export type SqlSettings = ChatLimits & TurnSettings

/** Columns have 64 bits; no `seq` is larger than this. */
const bound = (value: number): number => Math.min(Math.max(Math.trunc(value), 0), Number.MAX_SAFE_INTEGER)

interface Append {
  readonly conversation: string
  readonly events: ReadonlyArray<ChatEventBody>
}

const closed = new ChatStoreError({ reason: "unavailable", message: "The service stops. Try again later." })

export const make = Effect.fnUntraced(function* (settings: SqlSettings) {
  const database = yield* chatDatabase
  const { read, write } = database
  const { nextUnsafe } = yield* Ids
  const turns = yield* makeLiveTurns(database, settings)
  const { changes, isDead } = turns
  const beginning = yield* Semaphore.make(1)

  const append = yield* makeBatches<Append, ReadonlyArray<ChatEvent>, ChatStoreError>(
    Effect.fnUntraced(function* (requests) {
      const stored = yield* write((db) =>
        Effect.forEach(requests, ({ conversation, events }) =>
          Effect.gen(function* () {
            const row = yield* lockRow(db, conversation)
            if (row === undefined) return Result.fail(notFound(conversation))
            const isOfTurn = events.every(
              (event) => "request_id" in event && event.request_id === row.running_request
            )
            if (!turns.isOwn(row) || !isOfTurn) return Result.fail(ended)
            const added = yield* addEvents(db, row, events)
            return Result.succeed({ row, events: added.events })
          })
        )
      ).pipe(
        Effect.tapError(() =>
          Effect.sync(() => {
            for (const { conversation, events } of requests) {
              if (events.some(({ type }) => isEnd(type))) turns.giveUp(conversation)
            }
          })
        )
      )
      return stored.map((result) =>
        Result.map(result, ({ events, row }) => {
          if (events.some(({ type }) => isEnd(type))) turns.ended(row.id)
          changes.wake(row.id, "appended")
          return events
        })
      )
    }),
    closed
  )

  const begin = Effect.fnUntraced(function* (turn: NewTurn) {
    const { conversation, create, message, principal } = turn
    const requestId = message.request_id
    const id = conversation ?? nextUnsafe()
    if (!isStorable(id)) return yield* notFound(id)
    yield* turns.startLease
    const claim = hashOf(principal, requestId)
    let removed: ReadonlyArray<string> = []
    let isSet = false
    const begun = yield* write(
      Effect.fnUntraced(function* (db): Effect.fn.Return<Begun, ChatStoreError | SqlError> {
        yield* lockConversations(db)
        const [known] = yield* eventsOf(db`SELECT event FROM chat_events WHERE claim = ${claim}`)
        if (known?.type === "user_message") return { _tag: "known", message: known }
        const found = yield* lockRow(db, id)
        const mayUse =
          found === undefined ? conversation === undefined || create === true : found.principal === principal
        if (!mayUse) return yield* notFound(id)
        const isRunning = found !== undefined && found.running_request !== null
        if (isRunning && !isDead(found)) return yield* alreadyRuns
        const settled = isRunning ? yield* interrupt(db, found) : found
        removed = yield* makeRoom(db, { conversation: id, isNew: found === undefined, principal }, settings)
        yield* turns.renew(db)
        const row = settled ?? (yield* insertRow(db, id, principal, message.content))
        const started = found === undefined ? [{ type: "conversation_started", principal } as const] : []
        turns.began(id, requestId)
        isSet = true
        const { events } = yield* addEvents(db, row, [...started, message], { owner: turns.me, claim })
        return { _tag: "started", events, durable: Effect.void }
      })
    ).pipe(
      Effect.tapError(() =>
        Effect.sync(() => {
          if (isSet) turns.ended(id)
        })
      )
    )
    for (const each of [id, ...removed]) changes.wake(each)
    return begun
  })

  /** Events of a conversation in order; deltas of stored messages are not among them. */
  const stored = (id: string, after: number, before: number, limit: number, isLatest = false) =>
    read((db) =>
      eventsOf(db`SELECT event FROM chat_events WHERE conversation = ${id} AND seq > ${bound(after)}
        AND seq < ${bound(before)} ORDER BY seq ${db.literal(isLatest ? "DESC" : "ASC")} LIMIT ${bound(limit)}`)
    ).pipe(Effect.map((events) => (isLatest ? events.toReversed() : events)))

  const sourceOf = (conversation: string, kind: "events" | "responses") =>
    Effect.map(changes.follow(conversation), (watched): EventSource<ChatStoreError> => {
      let version = 0
      return {
        read: (last) =>
          Effect.suspend(() => {
            version = watched[kind].version
            return Effect.andThen(
              turns.existing(conversation),
              stored(conversation, last, Infinity, Infinity)
            )
          }),
        wait: (last) => changes.wait(watched, kind, version, last)
      }
    })

  return ChatStore.of({
    begin: (turn) => beginning.withPermit(Effect.uninterruptible(begin(turn))),
    append: (conversation, events) => append({ conversation, events }),
    respond: Effect.fnUntraced(function* (conversation, event) {
      const isOpen = yield* write(
        Effect.fnUntraced(function* (db): Effect.fn.Return<boolean, ChatStoreError | SqlError> {
          const row = yield* lockRow(db, conversation)
          if (row === undefined) return yield* notFound(conversation)
          if (row.running_request !== null && isDead(row)) {
            yield* interrupt(db, row)
            return false
          }
          if (row.running_request !== event.request_id) return false
          if (event.type === "input_answered" && !(yield* openInputs(db, row)).has(event.id)) return false
          if (event.type === "stop_requested" && (yield* isStopping(db, row))) return true
          yield* addEvents(db, row, [event])
          return true
        })
      )
      changes.wake(conversation)
      return isOpen
    }),
    find: (conversation) =>
      Effect.map(turns.find(conversation), (row) => (row === undefined ? undefined : infoOf(row))),
    read: (conversation, { after = 0, before = Infinity, limit }) =>
      Effect.andThen(
        turns.existing(conversation),
        limit <= 0
          ? Effect.succeed([])
          : stored(conversation, after, before, limit, before !== Infinity && after <= 0)
      ),
    watch: (conversation, after) =>
      Stream.unwrap(Effect.map(sourceOf(conversation, "events"), (source) => watchEvents(after, source))),
    watchResponses: (conversation, after) =>
      Stream.unwrap(
        Effect.map(sourceOf(conversation, "responses"), (source) => watchResponses(after, source))
      ),
    list: (principal, options) => listConversations(database, turns, principal, options),
    remove: Effect.fnUntraced(function* (conversation) {
      const isRemoved = yield* write(
        Effect.fnUntraced(function* (db): Effect.fn.Return<boolean, ChatStoreError | SqlError> {
          yield* lockConversations(db)
          const row = yield* lockRow(db, conversation)
          if (row === undefined) return false
          if (row.running_request !== null && !isDead(row)) return yield* alreadyRuns
          yield* removeConversations(db, [conversation])
          return true
        })
      )
      changes.wake(conversation)
      return isRemoved
    })
  })
})
