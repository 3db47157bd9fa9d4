/** The window of a conversation: what of its events is in a request to a model. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { ChatEvent, ChatEventBody } from "../../../layers/chat/ChatEvent.ts"
import { Tokens } from "../../../layers/ledger/Tokens.ts"
import { unitsOf } from "../../../src/chat/units.ts"
import { makeWindow, TokenCounts, type WindowSettings } from "../../../src/chat/window.ts"
import { it } from "../../support/effect.ts"

const none = {
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  cached_input_tokens: 0,
  cache_write_input_tokens: 0,
  reasoning_tokens: 0
}

const stored = (bodies: ReadonlyArray<ChatEventBody>): ReadonlyArray<ChatEvent> =>
  bodies.map((body, index) => ({ ...body, conversation: "c", seq: index + 1, timestamp: "" }))

const user = (request_id: string, text: string, replaces?: string): ChatEventBody => ({
  type: "user_message",
  request_id,
  digest: "",
  content: [{ type: "text", text }],
  options: {},
  ...(replaces !== undefined && { replaces })
})

type Parts = Extract<ChatEventBody, { type: "assistant_message" }>["parts"]

const assistant = (request_id: string, parts: Parts, hop = 0): ChatEventBody => ({
  type: "assistant_message",
  request_id,
  hop,
  parts,
  provider: "p",
  model: "m",
  stop_reason: "stop",
  usage: none,
  cost_usd: null,
  uncertain: false
})
const says = (text: string): Parts => [{ type: "text", text, deltas: [] }]
const calls = (id: string): Parts => [{ type: "tool_call", tool_call_id: id, name: "t", arguments: {} }]
const result = (request_id: string, id: string, text: string): ChatEventBody => ({
  type: "tool_result",
  request_id,
  tool_call_id: id,
  name: "t",
  content: [{ type: "text", text }],
  is_error: false
})

/** A tokenizer that takes so many bytes for a token, and what it was asked. */
const counting = (bytesPerToken = 1) => {
  const asked: Array<string> = []
  const count = (_: string, text: string) =>
    Effect.sync(() => {
      asked.push(text)
      return { tokens: Math.ceil(Buffer.byteLength(text) / bytesPerToken), exact: true }
    })
  return { asked, window: makeWindow(Tokens.of({ count }), new TokenCounts(), false) }
}

const settings: WindowSettings = { max_tokens: 1000, reserve_tokens: 100, preserve_recent: 0 }

const ask = (
  { window }: ReturnType<typeof counting>,
  events: ReadonlyArray<ChatEvent>,
  more: { readonly settings?: WindowSettings; readonly maxBytes?: number } = {}
) => {
  const last = events.findLast(({ type }) => type === "user_message")
  const requestId = last?.type === "user_message" ? last.request_id : ""
  const given = { conversation: "c", maxBytes: 10 ** 6, model: "m", settings, system: undefined, ...more }
  return window({ ...given, requestId, units: unitsOf(events) })
}

const turn = (id: string, length: number): ReadonlyArray<ChatEventBody> => [
  user(id, id.padEnd(length, ".")),
  assistant(id, says(id.padEnd(length, "!")))
]
/** The first two characters of each user message that is in the window. */
const usersOf =
  (events: ReadonlyArray<ChatEvent>) => (window: { readonly messages: ReadonlyArray<unknown> }) =>
    events.flatMap((event) =>
      event.type === "user_message" && JSON.stringify(window.messages).includes(`"${event.request_id}.`)
        ? [event.request_id]
        : []
    )

describe("the window", () => {
  it.effect("has the latest turns that fit, begins with a user, and counts what was left out", () =>
    Effect.gen(function* () {
      const events = stored([...turn("t1", 200), ...turn("t2", 200), ...turn("t3", 200), user("t4", "t4.")])
      const found = yield* ask(counting(), events)
      expect(usersOf(events)(found)).toEqual(["t2", "t3", "t4"])
      expect(found.dropped).toBe(2)
      expect(found.messages[0]).toMatchObject({ role: "user" })
    })
  )

  it.effect("keeps the latest units in the reserve as well", () =>
    Effect.gen(function* () {
      const events = stored([...turn("t1", 230), ...turn("t2", 230), user("t3", "t3.")])
      const recent = { ...settings, preserve_recent: 9 }
      expect(usersOf(events)(yield* ask(counting(), events))).toEqual(["t2", "t3"])
      expect(usersOf(events)(yield* ask(counting(), events, { settings: recent }))).toEqual([
        "t1",
        "t2",
        "t3"
      ])
    })
  )

  it.effect("has a call with its result, or neither", () =>
    Effect.gen(function* () {
      const call = [assistant("t1", calls("c1")), result("t1", "c1", "r".repeat(500))]
      const events = stored([user("t1", "t1."), ...call, assistant("t1", says("a")), ...turn("t2", 250)])
      const roles = Effect.map(ask(counting(), stored([...events, user("t3", "t3.")])), ({ messages }) =>
        messages.map(({ role }) => role)
      )
      expect(yield* roles).toEqual(["user", "assistant", "user"])
    })
  )

  it.effect("has no more bytes than the provider's limit, whatever the tokens", () =>
    Effect.gen(function* () {
      const events = stored([...turn("t1", 100), ...turn("t2", 100), user("t3", "t3.")])
      expect(usersOf(events)(yield* ask(counting(), events, { maxBytes: 300 }))).toEqual(["t2", "t3"])
    })
  )

  it.effect("fails for a message that does not fit alone", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(ask(counting(), stored([user("t1", "x".repeat(1001))])))
      expect(error).toMatchObject({ code: 413, data: { reason: "context_too_long", max_tokens: 1000 } })
    })
  )

  it.effect("counts only new messages of a long conversation", () =>
    Effect.gen(function* () {
      const counter = counting()
      const history = Array.from({ length: 2500 }, (_, index) => turn(`t${index}`, 200)).flat()
      const long = { settings: { ...settings, max_tokens: 500_000 } }
      yield* ask(counter, stored([...history, user("u1", "u1.")]), long)
      const before = counter.asked.length
      expect(before).toBeGreaterThan(2000)
      yield* ask(
        counter,
        stored([...history, user("u1", "u1."), assistant("u1", says("yes")), user("u2", "u2.")]),
        long
      )
      expect(counter.asked.slice(before)).toEqual(["u2.", "yes"])
    })
  )

  it.effect("does not count new messages whose bytes fit beside the tokens of the others", () =>
    Effect.gen(function* () {
      const counter = counting(4)
      const events = [...turn("t1", 400), ...turn("t2", 400), user("u1", "u1.")]
      yield* ask(counter, stored(events))
      const before = counter.asked.length
      expect(before).toBe(5)
      const next = stored([...events, assistant("u1", says("yes")), user("u2", "u2.")])
      expect(yield* ask(counter, next)).toMatchObject({ dropped: 0, messages: { length: 7 } })
      expect(counter.asked.slice(before)).toEqual([])
      const longer = stored([...events, assistant("u1", says("yes".repeat(200))), user("u2", "u2.")])
      expect((yield* ask(counter, longer)).dropped).toBe(0)
      expect(counter.asked.slice(before)).toEqual(["u2.", "yes".repeat(200)])
    })
  )
})

describe("units of a conversation", () => {
  it.effect("have the results of the calls in them, also if another message has calls of the same ids", () =>
    Effect.sync(() => {
      const events = stored([
        user("t1", "go"),
        assistant("t1", calls("c1")),
        result("t1", "c1", "first"),
        assistant("t1", calls("c1"), 1),
        result("t1", "c1", "second")
      ])
      expect(unitsOf(events).map(({ text }) => text)).toEqual(["go", "t\n{}\nfirst", "t\n{}\nsecond"])
    })
  )
})
