/** Chunks for the AI SDK, made from events in any order: its own schema accepts each. */
import { expect, test } from "bun:test"
import { uiMessageChunkSchema } from "ai"
import fc from "fast-check"
import type { ChatEvent, ChatEventBody } from "../../../layers/chat/ChatEvent.ts"
import { UiMessageStream } from "../../../src/chat/UiMessageStream.ts"
import { usage } from "../../support/chatStores.ts"

const id = fc.constantFrom("a", "b", "c")
const hop = fc.nat({ max: 2 })
const text = fc.oneof(fc.constantFrom("", "\ud800", "\u0000", "é🙂"), fc.string({ maxLength: 20 }))
const request_id = fc.constant("r")
const json = fc.jsonValue({ maxDepth: 2 })
const record = <T>(of: { [Key in keyof T]: fc.Arbitrary<T[Key]> }, ...optional: ReadonlyArray<keyof T>) =>
  fc.record(of, {
    requiredKeys: (Object.keys(of) as Array<keyof T>).filter((key) => !optional.includes(key))
  })
const is = <const T>(value: T) => fc.constant(value)

const block = fc.oneof(
  record({ type: is("text"), text }),
  record({ type: is("image"), mimeType: is("image/png"), data: is("AAAA") })
)
const part = fc.oneof(
  record({ type: fc.constantFrom("text", "reasoning"), text, deltas: is([]) }),
  record({ type: is("tool_call"), tool_call_id: id, name: id, arguments: json })
)
const said = {
  provider: is("local"),
  model: is("small"),
  stop_reason: fc.constantFrom("stop", "length", "stopped", "max_tool_hops", "error", "unheard-of"),
  usage: is(usage),
  cost_usd: fc.constantFrom(null, "0.01"),
  uncertain: fc.boolean()
}

const body = fc.oneof(
  record({ type: is("conversation_started"), principal: id }),
  record({ type: is("user_message"), request_id, digest: id, content: fc.array(block), options: is({}) }),
  record({ type: fc.constantFrom("text_delta", "reasoning_delta"), request_id, hop, text }),
  record({
    type: is("assistant_message"),
    request_id,
    hop,
    parts: fc.array(part, { maxLength: 4 }),
    ...said
  }),
  record({ type: is("tool_started"), request_id, tool_call_id: id, name: id, arguments: is({}) }),
  record(
    {
      type: is("tool_progress"),
      request_id,
      tool_call_id: id,
      progress: fc.nat(),
      total: fc.nat(),
      message: text
    },
    "total",
    "message"
  ),
  record(
    {
      type: is("tool_result"),
      request_id,
      tool_call_id: id,
      name: id,
      content: fc.array(block),
      is_error: fc.boolean(),
      structured: json,
      whole: is("output://chat/x")
    },
    "structured",
    "whole"
  ),
  record(
    {
      type: is("input_requested"),
      request_id,
      id,
      reason: fc.constantFrom("approval", "elicitation", "visit"),
      message: text,
      tool_call_id: id,
      response_schema: is({ type: "object" }),
      url: is("https://example.com"),
      expires_at: is("2030-01-01T00:00:00.000Z")
    },
    "tool_call_id",
    "response_schema",
    "url"
  ),
  record({
    type: is("input_answered"),
    request_id,
    id,
    action: fc.constantFrom("accept", "decline", "cancel", "expired")
  }),
  record({ type: is("stop_requested"), request_id }),
  record({ type: is("window_cut"), request_id, dropped: fc.nat() }),
  record({ type: is("tools_omitted"), request_id, omitted: fc.nat(), sent: fc.nat() }),
  record({ type: is("history_damaged"), lines: fc.nat(), quarantine: is("events.quarantine") }),
  record({ type: is("turn_completed"), request_id, ...said }),
  record({ type: is("turn_failed"), request_id, error: record({ code: is(500), message: text }) })
)

test("events in any order become chunks that the AI SDK accepts", async () => {
  const schema = uiMessageChunkSchema()
  await fc.assert(
    fc.asyncProperty(
      fc.array(body, { maxLength: 40, size: "max" }),
      fc.option(
        fc.record({ calls: fc.array(id), approvals: fc.array(fc.tuple(id, id)), declined: fc.array(id) })
      ),
      fc.array(fc.tuple(id, fc.boolean())),
      async (bodies, continued, answered) => {
        const stream = new UiMessageStream(new Map(answered))
        const chunks: Array<unknown> =
          continued === null
            ? []
            : [stream.continue({ requestId: "r", ...continued, approvals: new Map(continued.approvals) })]
        for (const [index, each] of bodies.entries()) {
          if (stream.ended) break
          const event = {
            ...(each as ChatEventBody),
            conversation: "c",
            seq: index + 1,
            timestamp: "2030-01-01T00:00:00.000Z"
          } as ChatEvent
          chunks.push(...stream.of(event))
        }
        for (const chunk of chunks) {
          // As the client receives it.
          const received: unknown = JSON.parse(JSON.stringify(chunk))
          expect(await schema.validate?.(received)).toMatchObject({ success: true })
        }
      }
    ),
    { numRuns: 300 }
  )
})
