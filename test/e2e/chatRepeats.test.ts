/** Turns that are repeated, refused, or wait for a person, as clients of `/ws/chat` see them. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import {
  ask,
  chatService,
  chatSocket,
  chatWith,
  response,
  script,
  until,
  type Frame
} from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { server } from "../support/models.ts"

/** A chunk that is sent again has the timestamp of its message. */
const untimed = (frames: ReadonlyArray<Frame>) =>
  frames.map(({ timestamp, ...frame }) => (frame["status"] === "chunk" ? frame : { timestamp, ...frame }))

describe("a repeated request id", () => {
  it.live("gets the stored answer again on its own socket, also after another turn", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["one"], ["two"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Hi"))
        const first = yield* until(client, "complete", "error")
        yield* client.send(ask("r2", "More"))
        yield* until(client, "complete", "error")
        yield* client.send(ask("r1", "Hi"))
        expect(yield* until(client, "complete", "error")).toEqual(first)
        yield* client.send({ v: 1, ...ask("r1", "Hi") })
        const frames = yield* until(client, "complete", "error")
        expect(frames.map(({ status }) => status)).toEqual(["processing", "chunk", "message", "complete"])
        expect(requests).toHaveLength(2)
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("gets the frames of its turn again with v 1 while the socket follows the conversation", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["one"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Hi") })
        const first = yield* until(client, "complete", "error")
        yield* client.send({ v: 1, ...ask("r1", "Hi"), conversation_id: first[0]?.["conversation_id"] })
        expect(untimed(yield* until(client, "complete", "error"))).toEqual(untimed(first))
        yield* client.send({ v: 1, ...ask("r1", "Hi"), conversation_id: "another" })
        expect(yield* client.next).toMatchObject({ request_id: "r1", status: "error", error: { code: 409 } })
        expect(requests).toHaveLength(1)
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("follows the turn while it runs, and may be used after a refusal for too many turns", () =>
    Effect.gen(function* () {
      const hold = Promise.withResolvers<void>()
      const { requests, url } = yield* script(async () => {
        await hold.promise
        return response(["Hello"])
      })
      yield* Effect.gen(function* () {
        const [first, second, third] = [yield* chatSocket, yield* chatSocket, yield* chatSocket]
        yield* first.send(ask("r1", "Hi"))
        yield* until(first, "processing")
        yield* second.send(ask("r2", "Hi"))
        expect(yield* second.next).toMatchObject({ request_id: "r2", status: "error", error: { code: 429 } })
        yield* third.send(ask("r1", "Hi"))
        yield* until(third, "processing")
        hold.resolve()
        const answer = (yield* until(first, "complete", "error")).at(-1)
        expect(answer).toMatchObject({ status: "complete" })
        expect((yield* until(third, "complete", "error")).at(-1)).toEqual(answer)
        yield* second.send(ask("r2", "Hi"))
        expect((yield* until(second, "complete", "error")).at(-1)).toMatchObject({ status: "complete" })
        expect(requests).toHaveLength(2)
      }).pipe(Effect.provide(chatService(url, { chat: { ...chatWith({}), max_turns: { principal: 1 } } })))
    })
  )

  it.live("that arrives twice at once runs once, and is known while no other turn may begin", () =>
    Effect.gen(function* () {
      const hold = Promise.withResolvers<void>()
      const { requests, url } = yield* script(async () => {
        await hold.promise
        return response(["Hello"])
      })
      yield* Effect.gen(function* () {
        const [first, second, third, fourth] = [
          yield* chatSocket,
          yield* chatSocket,
          yield* chatSocket,
          yield* chatSocket
        ]
        yield* first.send(ask("r1", "Hi"))
        yield* second.send(ask("r1", "Hi"))
        yield* until(first, "processing")
        yield* until(second, "processing")
        yield* third.send(ask("r2", "Hi"))
        yield* until(third, "processing")
        yield* fourth.send(ask("r1", "Hi"))
        expect(yield* fourth.next).toMatchObject({ request_id: "r1", status: "processing" })
        hold.resolve()
        for (const client of [first, second, third, fourth]) {
          expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({ status: "complete" })
        }
        expect(requests).toHaveLength(2)
      }).pipe(Effect.provide(chatService(url, { chat: { ...chatWith({}), max_turns: { principal: 2 } } })))
    })
  )
})

describe("wrong choices of a client", () => {
  it.live("name the field: a provider that is not configured, a model that the provider does not list", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() => response(["Hello"]), ["m", "m-large"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        for (const field of ["provider", "model"]) {
          yield* client.send(ask(field, "Hi", { [field]: "nope" }))
          expect((yield* until(client, "error", "complete")).at(-1)).toMatchObject({
            request_id: field,
            status: "error",
            error: { code: 400, data: { validation_errors: [{ field, type: "value_error" }] } }
          })
        }
        expect(requests).toHaveLength(0)
        // The socket and the request id of the refused message are still of use.
        yield* client.send(ask("provider", "Hi"))
        expect((yield* until(client, "error", "complete")).at(-1)).toMatchObject({ status: "complete" })
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("a frame above the message limit closes the socket with 1009, and the service goes on", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["Hello"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("big", "x".repeat(10 * 2 ** 20)))
        expect((yield* client.closed).code).toBe(1009)
        const other = yield* chatSocket
        yield* other.send(ask("small", "Hi"))
        expect((yield* until(other, "error", "complete")).at(-1)).toMatchObject({ status: "complete" })
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})

describe("tool calls", () => {
  it.live("with an id that the model has used before keep their own results", () =>
    Effect.gen(function* () {
      const add = (a: number) => ({ calls: [{ id: "c1", name: "math_add", args: { a, b: 1 } }] })
      const { requests, url } = yield* script(add(1), add(41), ["Done."])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Add twice") })
        const frames = yield* until(client, "complete", "error")
        const ids = frames.flatMap(({ tool_result }) =>
          tool_result === undefined ? [] : [Object(tool_result).tool_call_id]
        )
        expect(ids).toEqual(["c1", "c1_2"])
        const messages = Object(requests[2]?.body).messages as ReadonlyArray<Record<string, unknown>>
        expect(messages.filter(({ role }) => role === "tool")).toEqual([
          { role: "tool", tool_call_id: "c1", content: "2" },
          { role: "tool", tool_call_id: "c1_2", content: "42" }
        ])
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("do not reach their time limit while the user fills in a form", () =>
    Effect.gen(function* () {
      const calls = ["ask", "wait"].map((name) => ({ id: name, name, args: {} }))
      const { requests, url } = yield* script({ calls }, ["Done."])
      const tools = { ask: { time_limit: "100 millis" }, wait: { time_limit: "300 millis" } }
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Ask me") })
        // The other tool has reached its longer limit, so the time of the form has passed too.
        const frames = yield* until(client, "tool_result")
        expect(frames.at(-1)).toMatchObject({ tool_result: { tool_call_id: "wait", is_error: true } })
        const { id } = Object(frames.find(({ status }) => status === "input_required")?.["input"])
        const payload = { id, action: "accept", content: { name: "Ann" } }
        yield* client.send({ v: 1, action: "answer", payload })
        yield* until(client, "complete", "error")
        const messages = Object(requests[1]?.body).messages as ReadonlyArray<Record<string, unknown>>
        const results = messages.filter(({ role }) => role === "tool")
        expect(String(results[0]?.["content"])).toContain("Hello Ann")
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ approval: "never" }), limits: { tools } })))
    })
  )
})
