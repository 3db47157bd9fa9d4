/** Bad days of a conversation: connections cut at every step, providers that fail, budgets, lost owners and shutdown. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Schema } from "effect"
import {
  ask,
  base,
  chatService,
  chatSocket,
  chatWith,
  response,
  script,
  until,
  type Frame
} from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { chunk, cutting, local, server } from "../support/models.ts"
import { Held, started } from "../support/service.ts"
import { webSocket } from "../support/webSocket.ts"

const Message = Schema.Struct({ role: Schema.String, content: Schema.Unknown })
const messagesOf = (request: { readonly body: unknown } | undefined) =>
  Schema.decodeUnknownSync(Schema.Struct({ messages: Schema.Array(Message) }))(request?.body).messages

const seqOf = ({ seq }: Frame): number => Number(seq)
const statuses = (frames: ReadonlyArray<Frame>) => frames.map(({ status }) => status)

/** A model that calls two tools, of which one needs approval and shows a form, and then says what they returned. */
const model = server(async (request) => {
  const { messages } = (await request.json()) as { messages: ReadonlyArray<{ role: string }> }
  if (messages.at(-1)?.role === "tool") return response(["All done."])
  const add = { id: "add", name: "math_add", args: { a: 1, b: 2 } }
  return response({ calls: [add, { id: "ask", name: "ask", args: {} }] })
})

/**
 * Sends a message, answers what the user is asked, and returns the frames until the end. After `cut` frames the socket
 * closes, and another one takes over; at 0 the message is sent again, because its client knows nothing of its fate.
 */
const drive = Effect.fnUntraced(function* (requestId: string, cut?: number) {
  const message = { v: 1, ...ask(requestId, "Go") }
  const answered = new Set<string>()
  const frames: Array<Frame> = []
  let client = yield* chatSocket
  yield* client.send(message)
  if (cut === 0) {
    client.socket.close()
    client = yield* chatSocket
    yield* client.send(message)
  }
  for (;;) {
    const frame = yield* client.next
    if (frame === undefined) return yield* Effect.die(new Error("The socket was closed."))
    const isNew = seqOf(frame) > seqOf(frames.at(-1) ?? { seq: 0 })
    if (isNew) frames.push(frame)
    if (isNew && frames.length === cut) {
      client.socket.close()
      client = yield* chatSocket
      const { conversation_id, seq: after } = frame
      yield* client.send({ v: 1, action: "resume", conversation_id, after })
    } else if (frame["status"] === "input_required") {
      const { id, reason } = Object(frame["input"])
      if (answered.has(id)) continue
      answered.add(id)
      const content = reason === "elicitation" ? { content: { name: "Ann" } } : {}
      yield* client.send({ v: 1, action: "answer", payload: { id, action: "accept", ...content } })
    }
    if (frame["status"] === "complete" || frame["status"] === "error") return frames
  }
})

/** In any order: the tools run at the same time. */
const kinds = (frames: ReadonlyArray<Frame>) => statuses(frames).toSorted()

describe("a turn whose client is cut off", () => {
  it.live("after any frame goes on where it was, runs once, and asks again what is unanswered", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* model
      yield* Effect.gen(function* () {
        const whole = yield* drive("whole")
        expect(whole.at(-1)).toMatchObject({ status: "complete" })
        expect(kinds(whole)).toContain("input_required")
        for (let cut = 0; cut < whole.length; cut++) {
          const frames = yield* drive(`cut-${cut}`, cut)
          expect(kinds(frames)).toEqual(kinds(whole))
          expect(frames.map(seqOf)).toEqual(frames.map((_, index) => index + 2))
        }
        // Two calls of the model for each turn.
        expect(requests).toHaveLength(2 * (whole.length + 1))
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("is the same for two sockets, one of which came later", () =>
    Effect.gen(function* () {
      const { url } = yield* model
      yield* Effect.gen(function* () {
        const [first, second] = [yield* chatSocket, yield* chatSocket]
        yield* first.send({ v: 1, ...ask("r1", "Go") })
        const begun = yield* until(first, "processing")
        const { conversation_id } = begun[0] ?? {}
        yield* second.send({ v: 1, action: "resume", conversation_id, after: 1 })
        const both = Effect.fnUntraced(function* (client: typeof first, seen: Array<Frame>, status: string) {
          while (seen.at(-1)?.["status"] !== status) seen.push(...(yield* until(client, status, "error")))
        })
        const [one, other]: [Array<Frame>, Array<Frame>] = [[...begun], []]
        yield* both(first, one, "input_required")
        const { id } = Object(one.at(-1)?.["input"])
        yield* second.send({ v: 1, action: "answer", conversation_id, payload: { id, action: "decline" } })
        yield* both(first, one, "complete")
        yield* both(second, other, "complete")
        expect(other).toEqual(one)
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})

describe("a provider", () => {
  it.live("that breaks off in the middle fails the turn, and what was said stays in the conversation", () =>
    Effect.gen(function* () {
      const { cut, url } = yield* cutting([chunk({ content: "Hello wor" })])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Hi") })
        yield* until(client, "chunk")
        cut()
        const rest = yield* until(client, "complete", "error")
        expect(rest).toMatchObject([
          { status: "message", message: { stop_reason: "error", parts: [{ text: "Hello wor" }] } },
          { status: "error", error: { code: 502, data: { reason: "network", provider: "local" } } }
        ])
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("gets the results of a hundred calls in one message, in its order", () =>
    Effect.gen(function* () {
      const calls = Array.from({ length: 100 }, (_, a) => ({
        id: `c${a}`,
        name: "math_add",
        args: { a, b: 1 }
      }))
      const { requests, url } = yield* script({ calls }, ["Done."])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Add a lot"))
        expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({ status: "complete" })
        const results = messagesOf(requests[1]).filter(({ role }) => role === "tool")
        expect(results.map(({ content }) => content)).toEqual(calls.map((_, index) => String(index + 1)))
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("is not asked beyond the budget, and the refusal says so", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["Hello"])
      const budget = {
        llm: local(url, { max_tokens: 100 }),
        prices: { models: { "local/m": [{ input: 1000, output: 1000 }] } },
        usage: { cost_daily_max: 0.3 },
        // Definitions of tools would count.
        chat: chatWith({ tools: ["nothing"] })
      }
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Hi"))
        expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({
          status: "complete",
          metadata: { cost_usd: "0.015" }
        })
        yield* client.send(ask("r2", "again ".repeat(400)))
        const refused = (yield* until(client, "complete", "error")).at(-1)
        expect(refused).toMatchObject({ status: "error", error: { code: 429 } })
        expect(String(Object(refused?.["error"]).message)).toContain("daily")
        expect(requests).toHaveLength(1)
      }).pipe(Effect.provide(chatService(url, budget)))
    })
  )

  it.live("is not asked again in a turn that has used up its budget, which keeps what was said", () =>
    Effect.gen(function* () {
      const message = "x".repeat(4000)
      const { requests, url } = yield* script({ calls: [{ id: "c1", name: "echo", args: { message } }] }, [
        "Done."
      ])
      const budget = {
        llm: local(url, { max_tokens: 100 }),
        prices: { models: { "local/m": [{ input: 1000, output: 1000 }] } },
        usage: { cost_per_request_max: 3 },
        chat: chatWith({ tools: ["echo"], approval: "never" })
      }
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Hi") })
        const frames = yield* until(client, "complete", "error")
        expect(frames.at(-1)).toMatchObject({ status: "error", error: { code: 429 } })
        expect(statuses(frames)).toEqual(expect.arrayContaining(["message", "tool_call", "tool_result"]))
        expect(requests).toHaveLength(1)
        // The conversation goes on.
        yield* client.send({ v: 1, action: "history" })
        expect((yield* until(client, "history")).at(-1)).toMatchObject({ status: "history" })
      }).pipe(Effect.provide(chatService(url, budget)))
    })
  )

  it.live(
    "sees the end of a conversation that has become too long, whose client learns what was left out",
    () =>
      Effect.gen(function* () {
        const { requests, url } = yield* script(["ok"])
        const context = { max_tokens: 120, reserve_tokens: 20, preserve_recent: 1 }
        yield* Effect.gen(function* () {
          const client = yield* chatSocket
          for (const turn of ["one", "two", "three"]) {
            yield* client.send({ v: 1, ...ask(turn, `${turn} `.repeat(50)) })
            const frames = yield* until(client, "complete", "error")
            expect(frames.at(-1)).toMatchObject({ status: "complete" })
            if (turn === "three") {
              expect(frames.find(({ status }) => status === "window_cut")).toMatchObject({
                dropped_messages: 4
              })
            }
          }
          expect(messagesOf(requests[2]).map(({ role }) => role)).toEqual(["user"])
          yield* client.send({ v: 1, ...ask("four", "four ".repeat(500)) })
          expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({
            status: "error",
            error: { code: 413, data: { reason: "context_too_long" } }
          })
          // The conversation is still of use.
          yield* client.send({ v: 1, ...ask("five", "five") })
          expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({ status: "complete" })
        }).pipe(Effect.provide(chatService(url, { chat: chatWith({ context, tools: ["nothing"] }) })))
      })
  )
})

const secret = (name: string) => `${name}-0123456789abcdef0123456789abcdef`
const bearer = (name: string) => ({ authorization: `Bearer ${secret(name)}` })

describe("another user", () => {
  it.live("finds no conversation but those of that user, over WebSocket and HTTP", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["Hello"])
      const tokens = [
        { name: "alice", token: secret("alice"), scopes: ["read", "call"] },
        { name: "bob", token: secret("bob"), scopes: ["read", "call"] },
        { name: "reader", token: secret("reader"), scopes: ["read"] }
      ]
      yield* Effect.gen(function* () {
        const at = yield* base
        const socket = (name: string) =>
          webSocket(new URL(`ws://${at.host}/ws/chat`), { headers: bearer(name) })
        const send = (name: string, path: string, method = "GET", body?: unknown) =>
          Effect.promise(() =>
            fetch(new URL(path, at), {
              method,
              headers: { ...bearer(name), "content-type": "application/json" },
              ...(body !== undefined && { body: JSON.stringify(body) })
            })
          )
        const hers = yield* send("alice", "/chat", "POST", { text: "Hi", conversation_id: "hers" })
        expect(hers.status).toBe(200)
        const answer = { id: "x", action: "accept" }
        for (const [method, path, body] of [
          ["GET", "/chat/hers"],
          ["GET", "/chat/hers/stream"],
          ["GET", "/chat/hers/export"],
          ["DELETE", "/chat/hers"],
          ["POST", "/chat/hers/stop", {}],
          ["POST", "/chat/hers/answer", answer],
          ["POST", "/chat", { text: "Hi", conversation_id: "hers" }]
        ] as const) {
          expect([path, (yield* send("bob", path, method, body)).status]).toEqual([path, 404])
        }
        const bob = yield* socket("bob")
        const conversation_id = "hers"
        for (const frame of [
          { v: 1, ...ask("r1", "Hi"), conversation_id },
          { v: 1, action: "resume", conversation_id, after: 0 },
          { v: 1, action: "stop", conversation_id },
          { v: 1, action: "answer", conversation_id, payload: answer },
          { v: 1, action: "history", conversation_id }
        ]) {
          yield* bob.send(frame)
          expect(yield* bob.next).toMatchObject({ status: "error", error: { code: 404 } })
        }
        // Without the scope `call`, nothing can be said or answered.
        const reader = yield* socket("reader")
        yield* reader.send(ask("r1", "Hi"))
        expect(yield* reader.next).toMatchObject({ status: "error", error: { code: 403 } })
        expect((yield* send("reader", "/chat", "POST", { text: "Hi" })).status).toBe(403)
        const body = yield* Effect.promise(async () =>
          (await send("bob", "/chat").pipe(Effect.runPromise)).json()
        )
        expect(body).toEqual({ conversations: [] })
      }).pipe(Effect.provide(chatService(url, { auth: { tokens } })))
    })
  )

  it.live("cannot connect from a page of another origin, or without a token", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["Hello"])
      yield* Effect.gen(function* () {
        const at = new URL("/ws/chat", yield* base)
        const status = (headers: Record<string, string>) =>
          Effect.promise(async () => (await fetch(at, { headers })).status)
        const upgrade = { upgrade: "websocket", connection: "upgrade" }
        expect(yield* status({ ...upgrade, origin: "https://evil.example", ...bearer("alice") })).toBe(403)
        expect(yield* status(upgrade)).toBe(401)
        expect(yield* status(bearer("alice"))).toBe(426)
      }).pipe(
        Effect.provide(chatService(url, { auth: { tokens: [{ name: "alice", token: secret("alice") }] } }))
      )
    })
  )
})

describe("shutdown", () => {
  /** A service that stops while a turn runs a tool; `before` runs meanwhile. */
  const stopping = (config: Record<string, unknown>, before: Effect.Effect<unknown>) =>
    Effect.gen(function* () {
      const { url } = yield* script({ calls: [{ id: "c1", name: "wait", args: {} }] }, ["Finished."])
      const seen = yield* Effect.scoped(
        Effect.gen(function* () {
          const client = yield* chatSocket
          yield* client.send({ v: 1, ...ask("r1", "Wait") })
          yield* started
          const rest = yield* Effect.forkDetach(
            Effect.all([until(client, "complete", "error"), client.closed])
          )
          yield* Effect.forkDetach(before)
          return rest
        }).pipe(Effect.provide(chatService(url, { chat: chatWith({ approval: "never" }), ...config })))
      )
      return yield* Fiber.join(seen)
    })

  it.live("lets a turn finish and its client see the end, then closes with 1001", () =>
    Effect.gen(function* () {
      const { release } = yield* Held
      const [frames, { code }] = yield* stopping({}, Deferred.succeed(release, undefined))
      expect(frames.at(-1)).toMatchObject({ status: "complete", metadata: { stop_reason: "stop" } })
      expect(code).toBe(1001)
    }).pipe(Effect.provide(Held.layer))
  )

  it.live("interrupts a turn that does not finish in time", () =>
    Effect.gen(function* () {
      const held = yield* Held
      const [, { code }] = yield* stopping({ server: { shutdown_timeout: "100 millis" } }, Effect.void)
      expect(code).toBe(1001)
      yield* Deferred.await(held.interrupted)
    }).pipe(Effect.provide(Held.layer))
  )
})
