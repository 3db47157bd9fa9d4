/** A simple model of a store of conversations, and random commands that run on both. */
import { expect } from "bun:test"
import { Effect, Fiber, Stream } from "effect"
import fc from "fast-check"
import type { ChatEventBody } from "../../layers/chat/ChatEvent.ts"
import type { ChatStore, ChatStoreError } from "../../layers/chat/ChatStore.ts"
import { expandDeltas } from "../../layers/chat/expandDeltas.ts"
import { interruptedTurn } from "../../layers/chat/storeErrors.ts"
import { completed, delta, turn, usage, type Instance, type Shared } from "./chatStores.ts"

type Store = ChatStore["Service"]
type Event = ChatEventBody & { readonly seq: number }

interface Conversation {
  readonly id: string
  readonly principal: string
  events: Array<Event>
  lastSeq: number
  running: { readonly requestId: string; readonly instance: number; readonly life: number } | undefined
  readonly open: Set<string>
}

const principals = ["ada", "bob"] as const
const index = fc.nat({ max: 5 })
const text = fc.oneof(
  fc.constantFrom("Hello", "", 'a\n"b"', "\ud800", "\u0000", "\u2028", "é🙂"),
  fc.string({ maxLength: 300 })
)

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("begin" as const),
      principal: fc.constantFrom(...principals),
      request: fc.nat({ max: 30 }),
      conversation: fc.option(index, { nil: undefined }),
      chosen: fc.boolean(),
      text
    })
  },
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant("append" as const),
      conversation: index,
      what: fc.constantFrom("delta", "delta", "deltas", "message", "input", "complete", "mixed"),
      hop: fc.nat({ max: 2 }),
      text,
      isOther: fc.nat({ max: 9 })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("respond" as const),
      conversation: index,
      what: fc.constantFrom("stop", "answer")
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("read" as const),
      conversation: index,
      after: fc.nat({ max: 40 }),
      before: fc.option(fc.nat({ max: 60 }), { nil: undefined }),
      limit: fc.nat({ max: 20 })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("watch" as const),
      conversation: index,
      after: fc.nat({ max: 30 })
    })
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("find" as const), conversation: index }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("list" as const),
      principal: fc.constantFrom(...principals),
      search: fc.option(fc.constantFrom("hello", "é"), { nil: undefined })
    })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("remove" as const), conversation: index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("end" as const) }) }
)

export const commands = fc.array(fc.tuple(fc.nat({ max: 2 }), command), {
  minLength: 1,
  maxLength: 80,
  size: "max"
})
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

const message = (
  requestId: string,
  hop: number,
  said: string,
  deltas: ReadonlyArray<Event>
): ChatEventBody => {
  const own = deltas.flatMap((event) =>
    event.type === "text_delta" && event.request_id === requestId && event.hop === hop ? [event] : []
  )
  return {
    type: "assistant_message",
    request_id: requestId,
    hop,
    parts: [
      {
        type: "text",
        text: own.map((event) => event.text).join("") + said,
        deltas: own.map((event) => ({ seq: event.seq, length: event.text.length }))
      }
    ],
    provider: "local",
    model: "small",
    stop_reason: "stop",
    usage,
    cost_usd: "0.01",
    uncertain: false
  }
}

/** Without what the store adds, but `seq`. */
const bare = (event: object): object => {
  const { conversation: _, timestamp: __, ...rest } = event as { conversation?: string; timestamp?: string }
  return rest
}

/** What a search looks at, in lower case. */
const messagesOf = ({ events }: Conversation): string =>
  events
    .flatMap((event): ReadonlyArray<string> => {
      const parts =
        event.type === "user_message" ? event.content : event.type === "assistant_message" ? event.parts : []
      return parts.flatMap((part) => (part.type === "text" ? [part.text] : []))
    })
    .join("\n\n")
    .toLowerCase()

class Model {
  readonly conversations: Array<Conversation> = []
  readonly claims = new Map<string, { readonly conversation: string; readonly seq: number }>()
  /** Ids that were chosen. */
  chosen = 0
  /** Times that each instance has started. */
  readonly lives: Array<number> = []

  add(found: Conversation, bodies: ReadonlyArray<ChatEventBody>): ReadonlyArray<Event> {
    return bodies.map((body) => {
      const event: Event = { ...body, seq: ++found.lastSeq }
      if (event.type === "assistant_message") {
        found.events = found.events.filter(
          (other) =>
            other.type !== "text_delta" || other.request_id !== event.request_id || other.hop !== event.hop
        )
      }
      if (event.type === "input_requested") found.open.add(event.id)
      if (event.type === "input_answered") found.open.delete(event.id)
      if (event.type === "turn_completed" || event.type === "turn_failed") {
        found.running = undefined
        found.open.clear()
      }
      found.events.push(event)
      return event
    })
  }

  /** Ends the turn of an instance that has ended. */
  settle(found: Conversation) {
    const { running } = found
    if (running === undefined || this.lives[running.instance] === running.life) return
    this.add(found, [interruptedTurn(running.requestId)])
  }
}

const outcome = <A>(effect: Effect.Effect<A, ChatStoreError>) =>
  Effect.map(Effect.result(effect), (result) =>
    result._tag === "Success" ? { value: result.success } : { reason: result.failure.reason }
  )

/** Runs the commands on up to `count` instances, and compares each result with the model's. */
export const runCommands = Effect.fnUntraced(function* (
  shared: Shared,
  count: number,
  all: ReadonlyArray<readonly [number, Command]>
) {
  const model = new Model()
  const instances: Array<Instance> = []
  for (let at = 0; at < count; at++) {
    instances.push(yield* shared.start)
    model.lives.push(0)
  }

  const pick = (at: number) => {
    const { conversations } = model
    return conversations[at % Math.max(1, conversations.length)]
  }

  const run = Effect.fnUntraced(function* (at: number, store: Store, command_: Command) {
    const found = "conversation" in command_ ? pick(command_.conversation ?? 0) : undefined
    switch (command_.type) {
      case "begin": {
        const { chosen, conversation, principal, request } = command_
        const target = conversation === undefined ? undefined : found
        const requestId = `r${request}`
        const id = target?.id ?? (chosen ? `chosen-${model.chosen++}` : undefined)
        const made = { ...turn(principal, requestId, command_.text, id), create: chosen }
        const result = yield* outcome(store.begin(made))
        const claim = model.claims.get(`${principal} ${requestId}`)
        if (claim !== undefined) {
          expect(result).toMatchObject({
            value: { _tag: "known", message: { conversation: claim.conversation, seq: claim.seq } }
          })
          return
        }
        if (target !== undefined && target.principal !== principal) {
          expect(result).toEqual({ reason: "not_found" })
          return
        }
        if (target !== undefined) model.settle(target)
        if (target?.running !== undefined) {
          expect(result).toEqual({ reason: "running" })
          return
        }
        if (result.value?._tag !== "started") throw new Error(`begin failed: ${JSON.stringify(result)}`)
        const stored = result.value.events
        const known = target ?? {
          id: stored[0]?.conversation ?? "",
          principal,
          events: [],
          lastSeq: 0,
          running: undefined,
          open: new Set<string>()
        }
        if (target === undefined) {
          model.conversations.push(known)
          model.add(known, [{ type: "conversation_started", principal }])
        }
        model.add(known, [made.message])
        known.running = { requestId, instance: at, life: model.lives[at] ?? 0 }
        model.claims.set(`${principal} ${requestId}`, { conversation: known.id, seq: known.lastSeq })
        expect(stored.map(bare)).toEqual(known.events.slice(-stored.length))
        expect(stored).toHaveLength(target === undefined ? 2 : 1)
        return
      }
      case "append": {
        if (found === undefined) return
        const { hop, isOther, what } = command_
        const requestId = isOther === 0 ? "other" : (found.running?.requestId ?? "none")
        const said = command_.text
        const asked: ChatEventBody = {
          type: "input_requested",
          request_id: requestId,
          id: `i${hop}`,
          reason: "approval",
          message: said,
          expires_at: "2030-01-01T00:00:00.000Z"
        }
        const bodies: ReadonlyArray<ChatEventBody> =
          what === "delta"
            ? [delta(requestId, said, hop)]
            : what === "deltas"
              ? [delta(requestId, said, hop), delta(requestId, "x", hop)]
              : what === "message"
                ? [message(requestId, hop, "", found.events)]
                : what === "input"
                  ? [asked]
                  : what === "complete"
                    ? [completed(requestId)]
                    : [asked, message(requestId, hop, said, found.events), completed(requestId)]
        // The turn of the same instance, most of the time.
        const runs = found.running
        const isLive = runs !== undefined && model.lives[runs.instance] === runs.life
        const from = isLive && isOther > 1 ? runs.instance : at
        const result = yield* outcome((instances[from]?.store ?? store).append(found.id, bodies))
        if (!isLive || runs.instance !== from || requestId !== runs.requestId) {
          expect(result).toEqual({ reason: "ended" })
          return
        }
        const expected = model.add(found, bodies)
        expect(result.value?.map(bare)).toEqual(expected.map((event) => event))
        return
      }
      case "respond": {
        if (found === undefined) return
        model.settle(found)
        const requestId = found.running?.requestId ?? "none"
        const event =
          command_.what === "stop"
            ? ({ type: "stop_requested", request_id: requestId } as const)
            : ({ type: "input_answered", request_id: requestId, id: "i0", action: "accept" } as const)
        const isOpen = found.running !== undefined && (command_.what === "stop" || found.open.has("i0"))
        expect(yield* outcome(store.respond(found.id, event))).toEqual({ value: isOpen })
        const begun = found.events.findLastIndex(({ type }) => type === "user_message")
        const isRepeated =
          event.type === "stop_requested" && found.events.slice(begun).some(({ type }) => type === event.type)
        if (isOpen && !isRepeated) model.add(found, [event])
        return
      }
      case "read": {
        const { after, before, limit } = command_
        if (found === undefined) return
        const options = { after, limit, ...(before !== undefined && { before }) }
        const events = yield* store.read(found.id, options)
        model.settle(found)
        const matching = found.events.filter(({ seq }) => seq > after && seq < (before ?? Infinity))
        const expected =
          before === undefined || after > 0
            ? matching.slice(0, limit)
            : matching.slice(Math.max(0, matching.length - limit))
        expect(events.map(bare)).toEqual(expected)
        return
      }
      case "watch": {
        if (found === undefined) return
        model.settle(found)
        const { after } = command_
        const waits = after >= found.lastSeq
        const seen = yield* Effect.forkChild(
          Stream.runCollect(Stream.take(store.watch(found.id, after), waits ? 1 : found.lastSeq - after))
        )
        if (waits) {
          yield* Effect.yieldNow
          yield* Fiber.interrupt(seen)
          return
        }
        const events = yield* Fiber.join(seen)
        expect(events.map(({ seq }) => seq)).toEqual(
          Array.from({ length: found.lastSeq - after }, (_, offset) => after + 1 + offset)
        )
        const expected = expandDeltas(
          found.events.map((event) => ({ ...event, conversation: "", timestamp: "" })),
          after
        ).filter(({ seq }) => seq > after)
        expect(events.map(bare)).toEqual(expected.map(bare))
        return
      }
      case "find": {
        if (found === undefined) return
        model.settle(found)
        const info = yield* store.find(found.id)
        const { lastSeq, principal } = found
        expect(info).toMatchObject({ id: found.id, principal, lastSeq })
        expect(info?.running?.requestId).toBe(found.running?.requestId)
        return
      }
      case "list": {
        const { principal, search } = command_
        const options = { limit: 2, ...(search !== undefined && { search }) }
        let page = yield* store.list(principal, options)
        const listed = [...page.conversations]
        while (page.next !== undefined) {
          page = yield* store.list(principal, { ...options, cursor: page.next })
          expect(page.conversations.length).toBeGreaterThan(0)
          listed.push(...page.conversations)
        }
        const own = model.conversations.filter((each) => each.principal === principal)
        for (const each of own) model.settle(each)
        const matching = own.filter((each) => search === undefined || messagesOf(each).includes(search))
        expect(listed.map(({ id }) => id).toSorted()).toEqual(matching.map(({ id }) => id).toSorted())
        expect(listed.map(({ updated }) => updated)).toEqual(
          listed.map(({ updated }) => updated).toSorted((one, other) => (one < other ? 1 : -1))
        )
        return
      }
      case "remove": {
        if (found === undefined) return
        model.settle(found)
        const result = yield* outcome(store.remove(found.id))
        if (found.running !== undefined) {
          expect(result).toEqual({ reason: "running" })
          return
        }
        expect(result).toEqual({ value: true })
        model.conversations.splice(model.conversations.indexOf(found), 1)
        for (const [key, { conversation }] of model.claims) {
          if (conversation === found.id) model.claims.delete(key)
        }
        return
      }
      case "end": {
        if (count === 1) return
        yield* instances[at]?.end ?? Effect.void
        instances[at] = yield* shared.start
        model.lives[at] = (model.lives[at] ?? 0) + 1
      }
    }
  })

  for (const [at, command_] of all) {
    const instance = instances[at % count]
    if (instance !== undefined) yield* run(at % count, instance.store, command_)
  }
  const last = count === 1 ? [] : [yield* shared.start]
  for (const found of model.conversations) {
    for (const { store } of [...instances, ...last]) {
      const info = yield* store.find(found.id)
      model.settle(found)
      expect(info).toMatchObject({ id: found.id, lastSeq: found.lastSeq })
      const events = yield* store.read(found.id, { limit: Number.MAX_SAFE_INTEGER })
      expect(events.map(bare)).toEqual(found.events)
      for (const event of events) expect(event.conversation).toBe(found.id)
    }
  }
  for (const { end } of [...instances, ...last]) yield* end
})
