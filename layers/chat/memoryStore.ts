/** Conversations in the memory of this process, for tests and for services that need no history after a restart. */
import { Clock, Effect, Layer } from "effect"
import { Ids } from "../platform/Ids.ts"
import { type ChatEvent, type ChatEventBody, isTurnResponse } from "./ChatEvent.ts"
import { ChatStore, type Begun, type ChatStoreError } from "./ChatStore.ts"
import { ConversationLog } from "./ConversationLog.ts"
import { listPage } from "./listPage.ts"
import { pickEvents } from "./pickEvents.ts"
import { type ChatLimits, ConversationSums, roomFor } from "./roomFor.ts"
import { alreadyRuns, ended, notFound, tooMany } from "./storeErrors.ts"
import { Wakers } from "./Wakers.ts"
import { watchEvents, watchResponses } from "./watchEvents.ts"

export const make = Effect.fnUntraced(function* (limits: ChatLimits) {
  const clock = yield* Clock.Clock
  const { nextUnsafe } = yield* Ids
  const logs = new Map<string, ConversationLog>()
  const claims = new Map<string, ChatEvent>()
  const sums = new ConversationSums()
  const wakers = new Wakers()
  const responseWakers = new Wakers()

  const claimOf = (principal: string, requestId: string) => JSON.stringify([principal, requestId])

  const forget = (log: ConversationLog | undefined) => {
    if (log === undefined) return
    const { id, principal } = log.state
    logs.delete(id)
    sums.remove(log.state)
    for (const event of log.events) {
      if (event.type === "user_message") claims.delete(claimOf(principal, event.request_id))
    }
    wakers.wake(id)
    responseWakers.wake(id)
  }

  const add = (log: ConversationLog, bodies: ReadonlyArray<ChatEventBody>): ReadonlyArray<ChatEvent> => {
    const timestamp = new Date(clock.currentTimeMillisUnsafe()).toISOString()
    const events = bodies.map((body, index): ChatEvent => ({
      conversation: log.state.id,
      seq: log.state.lastSeq + 1 + index,
      timestamp,
      ...body
    }))
    const { bytes, id, principal } = log.state
    if (!logs.has(id)) sums.add(log.state)
    logs.set(id, log)
    for (const event of events) log.add(event, JSON.stringify(event).length)
    sums.change(log.state, principal, bytes)
    wakers.wake(log.state.id)
    if (events.some(isTurnResponse)) responseWakers.wake(log.state.id)
    return events
  }

  const existing = (id: string) =>
    Effect.suspend(() => {
      const log = logs.get(id)
      return log === undefined ? Effect.fail(notFound(id)) : Effect.succeed(log)
    })

  const readAfter = (id: string, last: number) =>
    Effect.map(existing(id), (log) => log.between(last, Infinity))

  return ChatStore.of({
    begin: ({ conversation, create, message, principal }) =>
      Effect.suspend((): Effect.Effect<Begun, ChatStoreError> => {
        const key = claimOf(principal, message.request_id)
        const claim = claims.get(key)
        if (claim?.type === "user_message") return Effect.succeed({ _tag: "known", message: claim })
        const known = conversation === undefined ? undefined : logs.get(conversation)
        const mayUse = known === undefined ? create === true : known.state.principal === principal
        if (conversation !== undefined && !mayUse) return Effect.fail(notFound(conversation))
        if (known?.state.running !== undefined) return Effect.fail(alreadyRuns)
        const conversations = () => [...logs.values()].map(({ state }) => state)
        const isNew = known === undefined
        const victims = roomFor({ principal, id: conversation, isNew, sums, conversations }, limits)
        if (victims === undefined) return Effect.fail(tooMany)
        for (const { id } of victims) forget(logs.get(id))
        const log = known ?? new ConversationLog(conversation ?? nextUnsafe())
        const started = known === undefined ? [{ type: "conversation_started", principal } as const] : []
        const events = add(log, [...started, message])
        const stored = events.at(-1)
        if (stored !== undefined) claims.set(key, stored)
        return Effect.succeed({ _tag: "started", events, durable: Effect.void })
      }),
    append: (conversation, events) =>
      Effect.flatMap(existing(conversation), (log) =>
        events.every((event) => "request_id" in event && event.request_id === log.state.running?.requestId)
          ? Effect.succeed(add(log, events))
          : Effect.fail(ended)
      ),
    respond: (conversation, event) =>
      Effect.map(existing(conversation), (log) => {
        if (!log.state.isOpen(event)) return false
        if (!log.state.isRepeated(event)) add(log, [event])
        return true
      }),
    find: (conversation) => Effect.sync(() => logs.get(conversation)?.state.info),
    read: (conversation, options) => Effect.map(existing(conversation), (log) => pickEvents(log, options)),
    watch: (conversation, after) =>
      watchEvents(after, {
        read: (last) => readAfter(conversation, last),
        wait: (last) =>
          wakers.wait(conversation, () => (logs.get(conversation)?.state.lastSeq ?? Infinity) > last)
      }),
    watchResponses: (conversation, after) =>
      watchResponses(after, {
        read: (last) => readAfter(conversation, last),
        wait: (last) =>
          responseWakers.wait(
            conversation,
            () => (logs.get(conversation)?.state.lastResponse ?? Infinity) > last
          )
      }),
    list: (principal, options) =>
      Effect.suspend(() =>
        listPage(
          [...logs.values()].map(({ state }) => state.info).filter((info) => info.principal === principal),
          options,
          (id, text) => Effect.sync(() => logs.get(id)?.contains(text) ?? false)
        )
      ),
    remove: (conversation) =>
      Effect.suspend(() => {
        const log = logs.get(conversation)
        if (log?.state.running !== undefined) return Effect.fail(alreadyRuns)
        if (log !== undefined) forget(log)
        return Effect.succeed(log !== undefined)
      })
  })
})

export const layer = (limits: ChatLimits) => Layer.effect(ChatStore, make(limits))
