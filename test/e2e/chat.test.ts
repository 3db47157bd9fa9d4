/** Conversations over `/ws/chat`, as clients see them. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { Caller } from "../../src/catalog/Caller.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { Client } from "../../src/catalog/Client.ts"
import { anonymousLoopback } from "../../src/domain/Principal.ts"
import {
  ask,
  chatService,
  chatSocket,
  chatWith,
  response as responseOf,
  script,
  until
} from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { chunk as chunkOf, done, events } from "../support/models.ts"
import { started } from "../support/service.ts"

/** The messages of a request to the model. */
const messagesOf = (request: { readonly body: unknown } | undefined) =>
  (Object(request?.body) as { readonly messages: ReadonlyArray<Record<string, unknown>> }).messages

const documented = [
  { request_id: "r1", status: "processing" },
  { request_id: "r1", status: "chunk", chunk: { type: "text", data: "Hello world" } }
]

describe("a client without v", () => {
  it.live("gets processing, chunks and complete with the conversation, its tokens and its cost", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["Hello", " world"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Hi"))
        const frames = yield* until(client, "complete", "error")
        const text = frames.flatMap(({ chunk }) =>
          chunk === undefined ? [] : [(chunk as { data: string }).data]
        )
        expect(frames.map(({ request_id }) => request_id)).toEqual(frames.map(() => "r1"))
        expect(frames[0]).toEqual({ request_id: "r1", status: "processing" })
        expect(text.join("")).toBe("Hello world")
        expect(frames.at(-1)).toMatchObject({
          status: "complete",
          metadata: {
            tokens: 15,
            conversation_id: expect.any(String),
            provider: "local",
            stop_reason: "stop",
            usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
            cost_usd: null
          }
        })
        expect(requests).toHaveLength(1)
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("gets the whole text as one chunk with streaming false", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["Hello", " world"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Hi", { streaming: false }))
        const frames = yield* until(client, "complete", "error")
        expect(frames.slice(0, -1)).toEqual(documented)
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("continues its conversation with the next message, and a new socket begins another one", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["one"], ["two"], ["three"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "first"))
        yield* until(client, "complete")
        yield* client.send(ask("r2", "second"))
        yield* until(client, "complete")
        const other = yield* chatSocket
        yield* other.send(ask("r3", "third"))
        yield* until(other, "complete")
        const messages = requests.map(messagesOf)
        expect(messages).toEqual([
          [{ role: "user", content: "first" }],
          [
            { role: "user", content: "first" },
            { role: "assistant", content: "one" },
            { role: "user", content: "second" }
          ],
          [{ role: "user", content: "third" }]
        ])
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("gets the stored answer again for a repeated request id, and 409 for it with another payload", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["Hello world"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Hi"))
        const first = yield* until(client, "complete")
        const other = yield* chatSocket
        yield* other.send(ask("r1", "Hi"))
        expect(yield* until(other, "complete")).toEqual(first)
        yield* other.send(ask("r1", "Ho"))
        expect(yield* other.next).toMatchObject({ request_id: "r1", status: "error", error: { code: 409 } })
        expect(requests).toHaveLength(1)
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("gets an error with the fields that are wrong, and the socket stays open", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["Hello"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        const image = (data: string, mimeType: string) => ({
          action: "chat",
          request_id: "a",
          payload: { content: [{ type: "image", data, mimeType }] }
        })
        const wrong: ReadonlyArray<readonly [unknown, string, string]> = [
          [{ action: "chat", payload: { text: "Hi" } }, "request_id", "missing"],
          [{ action: "chat", request_id: "a", payload: { text: 5 } }, "payload.text", "type_error"],
          [{ action: "chat", request_id: "a", payload: {} }, "payload.text", "missing"],
          [{ action: "chat", request_id: "a" }, "payload", "missing"],
          [image("not base64", "image/png"), "payload.content.0.data", "value_error"],
          [image("", "image/png"), "payload.content.0.data", "value_error"],
          [image("aGk=", "text/html"), "payload.content.0.mimeType", "value_error"],
          [{ action: "resume", conversation_id: "a", after: -1 }, "after", "value_error"],
          [{ action: "dance", request_id: "a" }, "action", "value_error"],
          ["[]", "", "type_error"]
        ]
        for (const [frame, field, type] of wrong) {
          yield* client.send(frame)
          expect(yield* client.next).toMatchObject({
            status: "error",
            error: { code: 400, data: { validation_errors: [{ field, type }] } }
          })
        }
        yield* client.send("not JSON")
        expect(yield* client.next).toMatchObject({ request_id: null, status: "error", error: { code: 400 } })
        yield* client.send(ask("r1", "Hi"))
        expect((yield* until(client, "complete")).at(-1)).toMatchObject({ status: "complete" })
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})

describe("a turn", () => {
  it.live("calls the tools that the model asks for, and answers with their results", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(
        {
          calls: [
            { id: "c1", name: "math_add", args: { a: 1, b: 2 } },
            { id: "c2", name: "nowhere", args: {} },
            { id: "c3", name: "math_add", args: { a: "x" } }
          ]
        },
        ["It is 3."]
      )
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "1 + 2?") })
        const frames = yield* until(client, "complete", "error")
        expect(frames.map(({ seq }) => seq)).toEqual(frames.map((_, index) => index + 2))
        const results = frames.filter(({ status }) => status === "tool_result")
        expect(results.map(({ tool_result }) => tool_result)).toEqual(
          expect.arrayContaining([
            expect.objectContaining({ tool_call_id: "c1", name: "math.add", is_error: false }),
            expect.objectContaining({ tool_call_id: "c2", is_error: true }),
            expect.objectContaining({ tool_call_id: "c3", is_error: true })
          ])
        )
        const messages = messagesOf(requests[1])
        expect(messages.map(({ role, tool_call_id }) => [role, tool_call_id])).toEqual([
          ["user", undefined],
          ["assistant", undefined],
          ["tool", "c1"],
          ["tool", "c2"],
          ["tool", "c3"]
        ])
        expect(String(messages[2]?.["content"])).toContain("3")
        expect(frames.at(-1)).toMatchObject({ status: "complete", metadata: { usage: { total_tokens: 30 } } })
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("returns to the provider what it requires back with reasoning and calls", () =>
    Effect.gen(function* () {
      const extra_content = { google: { thought_signature: "sig" } }
      const call = {
        index: 0,
        id: "c1",
        extra_content,
        function: { name: "math_add", arguments: '{"a":1,"b":2}' }
      }
      const { requests, url } = yield* script(
        () =>
          events([
            chunkOf({ reasoning_content: "Add them." }),
            chunkOf({ tool_calls: [call] }, { finish: "tool_calls" }),
            done
          ]),
        ["It is 3."]
      )
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "1 + 2?") })
        const frames = yield* until(client, "complete", "error")
        expect(messagesOf(requests[1])[1]).toMatchObject({
          reasoning_content: "Add them.",
          tool_calls: [{ id: "c1", extra_content }]
        })
        expect(JSON.stringify(frames)).not.toContain("thought_signature")
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("is stopped by its user, and keeps what was said", () =>
    Effect.gen(function* () {
      const { url } = yield* script({ calls: [{ id: "c1", name: "wait", args: {} }] }, ["Never"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Wait") })
        yield* started
        yield* client.send({ v: 1, action: "stop" })
        expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({
          status: "complete",
          metadata: { stop_reason: "stopped", usage: { total_tokens: 15 } }
        })
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ approval: "never" }) })))
    })
  )

  it.live("runs on without its client, which misses nothing when it comes back", () =>
    Effect.gen(function* () {
      const hold = Promise.withResolvers<void>()
      const { url } = yield* script(async () => {
        await hold.promise
        return responseOf(["Hello", " world"])
      })
      yield* Effect.gen(function* () {
        const first = yield* chatSocket
        yield* first.send({ v: 1, ...ask("r1", "Hi") })
        const [processing] = yield* until(first, "processing")
        first.socket.close()
        hold.resolve()
        const second = yield* chatSocket
        yield* second.send({
          v: 1,
          action: "resume",
          conversation_id: processing?.["conversation_id"],
          after: 2
        })
        const frames = yield* until(second, "complete", "error")
        expect(frames.map(({ seq }) => seq)).toEqual(frames.map((_, index) => index + 3))
        expect(frames.map(({ status }) => status)).toEqual(["chunk", "message", "complete"])
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("waits for the approval of a tool that may destroy something", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script({ calls: [{ id: "c1", name: "wait", args: {} }] }, [
        "All right."
      ])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Destroy it") })
        const frames = yield* until(client, "input_required")
        const { id } = Object(frames.at(-1)?.["input"]) as { id: string }
        // Another socket of the user is asked as well.
        const other = yield* chatSocket
        const { conversation_id, seq } = frames.at(-1) ?? {}
        yield* other.send({ v: 1, action: "resume", conversation_id, after: seq })
        expect(yield* other.next).toMatchObject({
          status: "input_required",
          input: { id, reason: "approval" }
        })
        yield* other.send({ v: 1, action: "answer", payload: { id, action: "decline" } })
        const rest = yield* until(client, "complete", "error")
        expect(rest.map(({ status }) => status)).toEqual([
          "input_answered",
          "tool_result",
          "chunk",
          "message",
          "complete"
        ])
        const messages = messagesOf(requests[1])
        expect(String(messages.at(-1)?.["content"])).toContain("declined")
        yield* other.send({ v: 1, action: "answer", request_id: "late", payload: { id, action: "accept" } })
        expect((yield* until(other, "error")).at(-1)).toMatchObject({
          request_id: "late",
          error: { code: 409 }
        })
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("does not call such a tool for a client that cannot be asked", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script({ calls: [{ id: "c1", name: "wait", args: {} }] }, ["No."])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Destroy it"))
        expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({ status: "complete" })
        const messages = messagesOf(requests[1])
        expect(String(messages.at(-1)?.["content"])).toContain("approval")
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("fills in the form of a tool", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script({ calls: [{ id: "c1", name: "ask", args: {} }] }, ["Done."])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Ask me") })
        const asked = (yield* until(client, "input_required")).at(-1)?.["input"] as Record<string, unknown>
        expect(asked).toMatchObject({ reason: "elicitation", message: "Your name?", tool_call_id: "c1" })
        const payload = { id: asked["id"], action: "accept", content: { name: "Ann" } }
        yield* client.send({ v: 1, action: "answer", payload })
        yield* until(client, "complete", "error")
        const messages = messagesOf(requests[1])
        expect(String(messages.at(-1)?.["content"])).toContain("Hello Ann")
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ approval: "never" }) })))
    })
  )

  it.live("ends a loop of tool calls after the configured number of rounds", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script({ calls: [{ id: "c1", name: "echo", args: { text: "x" } }] })
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Loop"))
        expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({
          status: "complete",
          metadata: { stop_reason: "max_tool_hops" }
        })
        expect(requests).toHaveLength(4)
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ max_tool_hops: 3 }) })))
    })
  )

  it.live("keeps a long result of a tool as a file, and gives the model its beginning", () =>
    Effect.gen(function* () {
      const text = "x".repeat(5000)
      const { requests, url } = yield* script(
        { calls: [{ id: "c1", name: "echo", args: { message: text } }] },
        { calls: [{ id: "c2", name: "list_resources", args: {} }] },
        ["Done."]
      )
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Long") })
        const frames = yield* until(client, "complete", "error")
        const result = Object(frames.find(({ status }) => status === "tool_result")?.["tool_result"]) as {
          readonly whole: string
        }
        expect(result.whole).toMatch(/^output:\/\/chat\//)
        expect(String(messagesOf(requests[1]).at(-1)?.["content"]).length).toBeLessThan(1500)
        const catalog = yield* Catalog
        const read = catalog
          .read(anonymousLoopback, result.whole)
          .pipe(
            Effect.provideService(Client, Client.absent),
            Effect.provideService(Caller, { principal: anonymousLoopback, requestId: "1" })
          )
        const [kept] = (yield* read).contents
        expect(Buffer.from(Object(kept).blob, "base64").toString()).toContain(text)
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ max_result_bytes: 1000 }) })))
    })
  )

  it.live("fails with the reason of the provider", () =>
    Effect.gen(function* () {
      const { url } = yield* script(() => Response.json({ error: { message: "bad key" } }, { status: 401 }))
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Hi"))
        expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({
          request_id: "r1",
          status: "error",
          error: { code: 502, data: { reason: "auth", provider: "local" } }
        })
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})
