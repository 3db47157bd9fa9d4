/** Conversations as lines of `events.jsonl` in the state folder, shared by all processes that use the folder. */
import { Clock, Effect, Layer } from "effect"
import { Ids } from "../../platform/Ids.ts"
import { Storage } from "../../storage/Storage.ts"
import type { ChatEvent, ChatEventBody } from "../ChatEvent.ts"
import { ChatStore, type Begun, type ChatStoreError } from "../ChatStore.ts"
import { HotLogs } from "../HotLogs.ts"
import { listPage } from "../listPage.ts"
import { pickEvents } from "../pickEvents.ts"
import { roomFor } from "../roomFor.ts"
import type { ChatSettings } from "../section.ts"
import { timestamps } from "../timestamps.ts"
import { alreadyRuns, ended, interruptedTurn, notFound, tooMany } from "../storeErrors.ts"
import { cacheConversation } from "./cacheConversation.ts"
import { EventIndex, type IndexedConversation } from "./EventIndex.ts"
import { makeLog } from "./JsonlLog.ts"
import { decodeEvent, encodeEvents } from "./lines.ts"
import { makeFlush } from "./flushEvents.ts"
import type { Damaged } from "./LogIndexer.ts"
import { ProcessOwner } from "./ProcessOwner.ts"
import { containsMessage, unreadable } from "./readEvents.ts"
import { maintainLog } from "./maintainLog.ts"
import { quarantineName, SegmentFiles } from "./SegmentFiles.ts"
import { LogWakers } from "./LogWakers.ts"
import { watchLog } from "./watchLog.ts"

export type JsonlSettings = Pick<
  ChatSettings,
  "fsync" | "max_bytes" | "max_conversations" | "retention" | "segment_bytes"
>

/** `folder`: absolute path of the state folder. */
export const make = Effect.fnUntraced(function* (folder: string, settings: JsonlSettings) {
  const clock = yield* Clock.Clock
  const { nextUnsafe } = yield* Ids
  const run = Effect.runForkWith(yield* Effect.context())
  const scope = yield* Effect.scope
  const files = new SegmentFiles(folder)
  const hot = new HotLogs()
  const wakers = new LogWakers()
  const owner = new ProcessOwner(nextUnsafe(), files)

  const log = yield* makeLog(files, {
    isRead: (id) => hot.has(id),
    onLine: (line) => {
      wakers.wake(line.conversation, line.type)
      if (!hot.has(line.conversation)) return
      const event = decodeEvent(line)
      if (typeof event === "string") hot.delete(line.conversation)
      else hot.add(event, Buffer.byteLength(JSON.stringify(event)))
    },
    onOwnDeltas: (deltas, { conversation, type }, bytes) => {
      hot.addDeltas(conversation, deltas, bytes)
      wakers.wake(conversation, type)
    },
    onRemoved: (id) => {
      hot.delete(id)
      wakers.wake(id)
    },
    onReload: () => hot.clear(),
    onTorn: (bytes) => {
      run(
        Effect.logWarning(`Removed ${bytes} bytes of an incomplete line from the end of ${files.activePath}.`)
      )
    },
    onDamaged: (damaged) => report(damaged)
  })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      owner.end()
      log.close()
    })
  )

  const now = timestamps(clock)

  /** Under the lock. */
  const write = (id: string, lastSeq: number, bodies: ReadonlyArray<ChatEventBody>, principal = "") => {
    const timestamp = now()
    // In the order of the fields of a line.
    const events = bodies.map((body, offset): ChatEvent =>
      Object.assign({ type: body.type, timestamp, conversation: id, seq: lastSeq + 1 + offset }, body)
    )
    const written = encodeEvents(events, { owner: owner.id, principal })
    const { lengths } = written
    log.write(
      written,
      events.map((event, offset) => [
        event.type === "user_message" ? { ...event, owner: owner.id, principal } : event,
        lengths[offset] ?? 0
      ])
    )
    if (lastSeq === 0) hot.start(id)
    for (const [offset, event] of events.entries()) {
      hot.add(event, lengths[offset] ?? 0)
      wakers.wake(id, event.type)
    }
    return events
  }

  /** Under the lock: adds to the history that lines were lost. */
  const report = (damaged: ReadonlyArray<Damaged>) => {
    const path = `${files.folder}/${quarantineName}`
    run(
      Effect.logError(
        `${damaged.length} damaged lines of the conversations were moved unchanged to ${path}. Repair them there, or remove the file.`
      )
    )
    for (const [id, lines] of Map.groupBy(damaged, ({ conversation }) => conversation)) {
      const found = id === undefined ? undefined : log.index.conversations.get(id)
      if (id === undefined || found === undefined) continue
      hot.delete(id)
      const event = { type: "history_damaged", lines: lines.length, quarantine: quarantineName } as const
      write(id, found.state.lastSeq, [event])
    }
  }

  /** Under the lock: ends the turn of a process that has died. */
  const endDead = (found: IndexedConversation | undefined) => {
    if (found?.state.running === undefined || !owner.isDead(found.state)) return
    write(found.state.id, found.state.lastSeq, [interruptedTurn(found.state.running.requestId)])
  }

  /** The conversation, without a turn of a process that has died. */
  const settled = (id: string) =>
    Effect.flatMap(
      log.query(() => {
        const found = log.index.conversations.get(id)
        return { found, isDead: found !== undefined && !files.isReadOnly && owner.isDead(found.state) }
      }),
      (first) =>
        first.isDead
          ? log.transact("written", () => {
              const found = log.index.conversations.get(id)
              endDead(found)
              return found
            })
          : Effect.succeed(first.found)
    )

  const existing = (id: string) =>
    Effect.filterOrFail(
      settled(id),
      (found) => found !== undefined,
      () => notFound(id)
    )

  const load = cacheConversation(files, log, hot)

  const logOf = (id: string) =>
    Effect.flatMap(existing(id), ({ state }) => {
      const known = hot.get(id)
      return known?.state.lastSeq === state.lastSeq ? Effect.succeed(known) : readLog(id)
    })

  const readLog = Effect.fnUntraced(function* (id: string) {
    for (let attempt = 0; attempt < 3; attempt++) {
      const { damaged, log: read } = yield* load(id)
      if (read !== undefined) return read
      yield* log.transact("repaired", () => {
        log.quarantine(damaged.map((place) => ({ ...place, conversation: id })))
        return true
      })
    }
    return yield* unreadable(id)
  })

  /** The message that used the request id before. */
  const claimed = Effect.fnUntraced(function* (place: {
    readonly conversation: string
    readonly seq: number
  }): Effect.fn.Return<Begun, ChatStoreError> {
    const found = yield* logOf(place.conversation)
    const [message] = found.between(place.seq - 1, place.seq + 1)
    if (message?.type !== "user_message") return yield* unreadable(place.conversation)
    return { _tag: "known", message }
  })

  const { flush, isDue } = makeFlush(files, settings.fsync)
  const maintain = maintainLog(log, settings.retention, now)

  /** Under the lock. */
  const sealIfLarge = () => {
    const { active } = files
    if (active === undefined || active.position < settings.segment_bytes) return
    try {
      files.sealActive()
    } catch (cause) {
      log.reset()
      throw cause
    }
    run(Effect.forkIn(maintain, scope))
  }

  const { watch, watchResponses } = yield* watchLog({ log, hot, wakers, logOf, settle: settled })

  const append = (conversation: string, events: ReadonlyArray<ChatEventBody>) => {
    const isFlushed = isDue(events)
    const appended = log.transact("written", () => {
      sealIfLarge()
      const state = log.index.conversations.get(conversation)?.state
      if (state === undefined) throw notFound(conversation)
      const requestId = state.running?.requestId
      const isOwn =
        state.owner === owner.id &&
        events.every((event) => "request_id" in event && event.request_id === requestId)
      if (!isOwn) throw ended
      if (events.length === 0) return []
      const written = write(conversation, state.lastSeq, events)
      if (!isFlushed) log.beginMessage(written.at(-1), settings.segment_bytes)
      return written
    })
    return isFlushed ? Effect.tap(appended, flush) : appended
  }

  return ChatStore.of({
    begin: Effect.fnUntraced(function* ({ conversation, create, message, principal }) {
      const begun = yield* log.transact("written", () => {
        sealIfLarge()
        const claim = log.index.claims.get(EventIndex.claimOf(principal, message.request_id))
        if (claim !== undefined) return claim
        const known = conversation === undefined ? undefined : log.index.conversations.get(conversation)
        const mayUse = known === undefined ? create === true : known.state.principal === principal
        if (conversation !== undefined && !mayUse) throw notFound(conversation)
        endDead(known)
        if (known?.state.running !== undefined) throw alreadyRuns
        const { conversations, sums } = log.index
        const isNew = known === undefined
        const states = () => [...conversations.values()].map(({ state }) => state)
        const victims = roomFor({ principal, id: conversation, isNew, sums, conversations: states }, settings)
        if (victims === undefined) throw tooMany
        for (const { id } of victims) log.remove(id, now())
        owner.take()
        const id = conversation ?? nextUnsafe()
        const started = known === undefined ? [{ type: "conversation_started", principal } as const] : []
        const events = write(id, known?.state.lastSeq ?? 0, [...started, message], principal)
        const durable = isDue(events) ? flush : Effect.void
        return { _tag: "started" as const, events, durable }
      })
      return "events" in begun ? begun : yield* claimed(begun)
    }),
    append: (conversation, events) =>
      Effect.suspend(() => log.continueMessage(conversation, events, now) ?? append(conversation, events)),
    respond: (conversation, event) =>
      log.transact("written", () => {
        const found = log.index.conversations.get(conversation)
        if (found === undefined) throw notFound(conversation)
        endDead(found)
        if (!found.state.isOpen(event)) return false
        if (!found.state.isRepeated(event)) write(conversation, found.state.lastSeq, [event])
        return true
      }),
    find: (conversation) => Effect.map(settled(conversation), (found) => found?.state.info),
    read: (conversation, options) => Effect.map(logOf(conversation), (found) => pickEvents(found, options)),
    watch,
    watchResponses,
    list: Effect.fnUntraced(function* (principal, options) {
      const own = yield* log.query(() =>
        [...log.index.conversations.values()].filter(({ state }) => state.principal === principal)
      )
      for (const { state } of own) if (state.running !== undefined) yield* settled(state.id)
      return yield* listPage(
        own.map(({ state }) => state.info),
        options,
        (id, text) =>
          Effect.andThen(
            Effect.yieldNow,
            log.query(() => {
              const found = log.index.conversations.get(id)
              if (found === undefined) return false
              const known = hot.get(id)
              return known?.state.lastSeq === found.state.lastSeq
                ? known.contains(text)
                : containsMessage(files, found, text)
            })
          )
      )
    }),
    remove: (conversation) =>
      log.transact("removed", () => {
        const found = log.index.conversations.get(conversation)
        if (found === undefined) return false
        endDead(found)
        if (found.state.running !== undefined) throw alreadyRuns
        log.remove(conversation, now())
        return true
      })
  })
})

export const layer = (settings: JsonlSettings) =>
  Layer.effect(
    ChatStore,
    Effect.flatMap(Storage, ({ dir }) => make(dir, settings))
  )
