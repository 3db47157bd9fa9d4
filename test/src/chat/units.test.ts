/** The units of a conversation that a request to a model has whole or not at all. */
import { expect, test } from "bun:test"
import type { ChatEvent, ChatEventBody } from "../../../layers/chat/ChatEvent.ts"
import { unitsOf } from "../../../src/chat/units.ts"
import { text } from "../../../src/domain/Content.ts"

const log = (...bodies: ReadonlyArray<ChatEventBody>): ReadonlyArray<ChatEvent> =>
  bodies.map((body, index) => ({ conversation: "c", seq: index + 1, timestamp: "", ...body }))

const user = (request_id: string, replaces?: string): ChatEventBody => ({
  type: "user_message",
  request_id,
  digest: "",
  content: [text(request_id)],
  options: {},
  ...(replaces !== undefined && { replaces })
})

const call = (request_id: string, hop: number): ChatEventBody => ({
  type: "assistant_message",
  request_id,
  hop,
  parts: [{ type: "tool_call", tool_call_id: `${request_id}.${hop}`, name: "add", arguments: {} }],
  provider: "p",
  model: "m",
  stop_reason: "tool-calls",
  usage: {
    input_tokens: 0,
    output_tokens: 0,
    total_tokens: 0,
    cached_input_tokens: 0,
    cache_write_input_tokens: 0,
    reasoning_tokens: 0
  },
  cost_usd: null,
  uncertain: false
})

const result = (request_id: string, hop: number): ChatEventBody => ({
  type: "tool_result",
  request_id,
  tool_call_id: `${request_id}.${hop}`,
  name: "add",
  content: [text("5")],
  is_error: false
})

const failed = (request_id: string, code: number): ChatEventBody => ({
  type: "turn_failed",
  request_id,
  error: { code, message: "" }
})

const textsOf = (events: ReadonlyArray<ChatEvent>) => unitsOf(events).map((unit) => unit.text)

test("a message and the results of its calls are one unit, also without a result", () => {
  expect(textsOf(log(user("a"), call("a", 0), result("a", 0), call("a", 1), user("b")))).toEqual([
    "a",
    "add\n{}\n5",
    "add\n{}\nThe call was interrupted and has no result.",
    "b"
  ])
})

test("a message that was refused is left out, one whose provider failed is not", () => {
  expect(textsOf(log(user("a"), failed("a", 413), user("b"), failed("b", 503), user("c")))).toEqual([
    "b",
    "c"
  ])
})

test("a refused answer keeps the calls before it", () => {
  expect(textsOf(log(user("a"), call("a", 0), result("a", 0), failed("a", 400)))).toHaveLength(2)
})

test("a message that is answered again replaces everything from its turn on", () => {
  expect(textsOf(log(user("a"), user("b"), call("b", 0), result("b", 0), user("b.2", "b")))).toEqual([
    "a",
    "b.2"
  ])
})

test("units of the same events are made once, unless a result came since", () => {
  const events = log(user("a"), call("a", 0), result("a", 0))
  const [first, second] = [unitsOf(events), unitsOf(events)]
  expect(first.map((unit, index) => unit === second[index])).toEqual([true, true])
  expect(unitsOf(events.slice(0, 2))[1]?.text).toContain("no result")
})
