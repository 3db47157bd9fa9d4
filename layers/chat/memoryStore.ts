/** Conversations in the memory of this process, for tests and for services that need no history after a restart. */
import { Clock, Effect, Layer, Stream } from "effect"
import { Ids } from "../platform/Ids.ts"
import type { ChatEvent, ChatEventBody } from "./ChatEvent.ts"
import { ChatStore, ChatStoreError, type Begun } from "./ChatStore.ts"
import { ConversationLog } from "./ConversationLog.ts"
import { expandDeltas } from "./expandDeltas.ts"
import { listPage } from "./listPage.ts"
import type { ChatSettings } from "./section.ts"
import { Wakers } from "./Wakers.ts"

const notFound = (id: string) =>
  new ChatStoreError({ reason: "not_found", message: `There is no conversation ${id.slice(0, 100)}.` })

const alreadyRuns = new ChatStoreError({
  reason: "running",
  message: "A turn of this conversation runs. Wait for its end, or stop it."
})

export const make = Effect.fnUntraced(function* ({ max_conversations: max }: ChatSettings) {
  const clock = yield* Clock.Clock
  const { nextUnsafe } = yield* Ids
  /** The least recently used first. */
  const logs = new Map<string, ConversationLog>()
  const claims = new Map<string, ChatEvent>()
  const wakers = new Wakers()

  const claimOf = (principal: string, requestId: string) => JSON.stringify([principal, requestId])

  const forget = (log: ConversationLog) => {
    logs.delete(log.id)
    for (const event of log.events) {
      if (event.type === "user_message") claims.delete(claimOf(log.principal, event.request_id))
    }
    wakers.wake(log.id)
  }

  /** The oldest conversation that does not run makes room. */
  const makeRoom = (principal: string) => {
    const own = [...logs.values()].filter((log) => log.principal === principal)
    const full = own.length >= max.principal ? own : logs.size >= max.total ? [...logs.values()] : undefined
    const oldest = full?.find((log) => log.running === undefined)
    if (oldest !== undefined) forget(oldest)
    return full === undefined || oldest !== undefined
  }

  const add = (log: ConversationLog, bodies: ReadonlyArray<ChatEventBody>): ReadonlyArray<ChatEvent> => {
    const timestamp = new Date(clock.currentTimeMillisUnsafe()).toISOString()
    const events = bodies.map((body, index): ChatEvent => ({
      conversation: log.id,
      seq: log.lastSeq + 1 + index,
      timestamp,
      ...body
    }))
    for (const event of events) log.add(event, 0)
    logs.delete(log.id)
    logs.set(log.id, log)
    wakers.wake(log.id)
    return events
  }

  const existing = (id: string) =>
    Effect.suspend(() => {
      const log = logs.get(id)
      return log === undefined ? Effect.fail(notFound(id)) : Effect.succeed(log)
    })

  return ChatStore.of({
    begin: ({ conversation, create, message, principal }) =>
      Effect.suspend((): Effect.Effect<Begun, ChatStoreError> => {
        const key = claimOf(principal, message.request_id)
        const claim = claims.get(key)
        if (claim?.type === "user_message") return Effect.succeed({ _tag: "known", message: claim })
        const known = conversation === undefined ? undefined : logs.get(conversation)
        const mayUse = known === undefined ? create === true : known.principal === principal
        if (conversation !== undefined && !mayUse) return Effect.fail(notFound(conversation))
        if (known?.running !== undefined) return Effect.fail(alreadyRuns)
        if (known === undefined && !makeRoom(principal)) {
          const message_ = "Too many conversations run. Wait for the end of one, or stop it."
          return Effect.fail(new ChatStoreError({ reason: "too_many", message: message_ }))
        }
        const log = known ?? new ConversationLog(conversation ?? nextUnsafe())
        const started = known === undefined ? [{ type: "conversation_started", principal } as const] : []
        const events = add(log, [...started, message])
        const stored = events.at(-1)
        if (stored !== undefined) claims.set(key, stored)
        return Effect.succeed({ _tag: "started", events })
      }),
    append: (conversation, events) => Effect.map(existing(conversation), (log) => add(log, events)),
    respond: (conversation, event) =>
      Effect.map(existing(conversation), (log) => {
        if (!log.isOpen(event)) return false
        add(log, [event])
        return true
      }),
    find: (conversation) => Effect.sync(() => logs.get(conversation)?.info),
    read: (conversation, { after = 0, before = Infinity, limit }) =>
      Effect.map(existing(conversation), (log) => {
        const events = log.between(after, before)
        return before === Infinity || after > 0 ? events.slice(0, limit) : events.slice(-limit)
      }),
    watch: (conversation, after) => {
      let last = after
      const next = Effect.gen(function* () {
        for (;;) {
          const log = yield* existing(conversation)
          const events = expandDeltas(log.between(last, Infinity), last)
          const newest = events.at(-1)
          if (newest !== undefined) {
            last = newest.seq
            return events
          }
          yield* wakers.wait(conversation, () => logs.get(conversation)?.lastSeq !== last)
        }
      })
      return Stream.fromIterableEffectRepeat(next)
    },
    list: (principal, options) =>
      Effect.sync(() =>
        listPage(
          [...logs.values()].filter((log) => log.principal === principal),
          options
        )
      ),
    remove: (conversation) =>
      Effect.suspend(() => {
        const log = logs.get(conversation)
        if (log?.running !== undefined) return Effect.fail(alreadyRuns)
        if (log !== undefined) forget(log)
        return Effect.succeed(log !== undefined)
      })
  })
})

export const layer = (settings: ChatSettings) => Layer.effect(ChatStore, make(settings))
