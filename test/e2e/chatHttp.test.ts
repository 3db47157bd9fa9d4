/** Conversations over `/chat`: JSON, server-sent events, history, and the AI SDK as a client. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { base, chatService, chatWith, response, script } from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { started } from "../support/service.ts"
import { UiChat } from "../support/uiChat.ts"

const send = (path: string, body?: unknown, init: RequestInit = {}) =>
  Effect.flatMap(base, (url) =>
    Effect.promise(() =>
      fetch(new URL(path, url), {
        ...(body !== undefined && {
          method: "POST",
          body: JSON.stringify(body)
        }),
        ...init,
        headers: { "content-type": "application/json", ...init.headers }
      })
    )
  )

const jsonOf = (sent: ReturnType<typeof send>) =>
  Effect.flatMap(sent, (got) =>
    Effect.map(
      Effect.promise(() => got.json()),
      (body) => ({ status: got.status, body: body as Record<string, never> })
    )
  )

/** Data of the events of a response. */
const eventsOf = (got: Response) =>
  Effect.map(
    Effect.promise(() => got.text()),
    (text) =>
      text.split("\n\n").flatMap((event) => {
        const data = /^data: (.*)$/m.exec(event)?.[1]
        return data === undefined
          ? []
          : [data === "[DONE]" ? data : (JSON.parse(data) as Record<string, unknown>)]
      })
  )

describe("POST /chat", () => {
  it.live(
    "answers with JSON, continues a conversation, and gives a repeated request id its answer again",
    () =>
      Effect.gen(function* () {
        const { requests, url } = yield* script(["Hello", " world"], ["again"])
        yield* Effect.gen(function* () {
          const first = yield* jsonOf(send("/chat", { text: "Hi", request_id: "r1" }))
          expect(first).toMatchObject({
            status: 200,
            body: {
              status: "complete",
              request_id: "r1",
              text: "Hello world",
              tool_calls: [],
              metadata: { tokens: 15, stop_reason: "stop" }
            }
          })
          const { conversation_id } = first.body
          expect(yield* jsonOf(send("/chat", { text: "Hi", request_id: "r1" }))).toEqual(first)
          const second = yield* jsonOf(send("/chat", { text: "More", conversation_id }))
          expect(second.body).toMatchObject({ conversation_id, text: "again" })
          expect(requests).toHaveLength(2)
          expect(yield* jsonOf(send("/chat", { text: "Ho", request_id: "r1" }))).toMatchObject({
            status: 409,
            body: { status: "error", error: { code: 409 } }
          })
          expect(yield* jsonOf(send("/chat", { text: 5 }))).toMatchObject({
            status: 400,
            body: { error: { data: { validation_errors: [{ field: "text", type: "type_error" }] } } }
          })
          expect(yield* jsonOf(send("/chat", { text: "x", conversation_id: "../x" }))).toMatchObject({
            status: 400
          })
        }).pipe(Effect.provide(chatService(url)))
      })
  )

  it.live("streams frames, of which a lost client gets the rest with Last-Event-ID", () =>
    Effect.gen(function* () {
      const hold = Promise.withResolvers<void>()
      const { url } = yield* script(async () => {
        await hold.promise
        return response(["Hello", " world"])
      })
      yield* Effect.gen(function* () {
        const accept = { accept: "text/event-stream" }
        const body = { text: "Hi", conversation_id: "c1", request_id: "r1" }
        const streaming = yield* send("/chat", body, { headers: accept })
        expect(streaming.headers.get("content-type")).toBe("text/event-stream")
        yield* Effect.promise(async () => streaming.body?.cancel())
        expect(yield* jsonOf(send("/chat", { text: "Ho", conversation_id: "c1" }))).toMatchObject({
          status: 409
        })
        const again = yield* send("/chat/c1/stream", undefined, {
          headers: { ...accept, "last-event-id": "2" }
        })
        hold.resolve()
        const frames = yield* eventsOf(again)
        expect(frames).toMatchObject([
          { v: 1, conversation_id: "c1", seq: 3, request_id: "r1", status: "chunk" },
          { seq: 4, status: "message" },
          { seq: 5, status: "complete" }
        ])
        expect((yield* send("/chat/c1/stream")).status).toBe(204)
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("lists, searches, pages, exports and deletes conversations, which others do not see", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["The **answer**"])
      yield* Effect.gen(function* () {
        for (const id of ["a", "b", "c"]) {
          yield* jsonOf(send("/chat", { text: `Question ${id}`, conversation_id: id }))
        }
        const ids = ({ body }: { body: Record<string, never> }) =>
          (body["conversations"] as unknown as ReadonlyArray<Record<string, string>>).map(
            ({ conversation_id }) => conversation_id
          )
        const page = yield* jsonOf(send("/chat?limit=2"))
        expect(ids(page)).toEqual(["c", "b"])
        expect(ids(yield* jsonOf(send(`/chat?limit=2&cursor=${page.body["next_cursor"]}`)))).toEqual(["a"])
        expect(ids(yield* jsonOf(send("/chat?search=QUESTION%20B")))).toEqual(["b"])
        expect(yield* jsonOf(send("/chat?cursor=b"))).toMatchObject({
          status: 400,
          body: { status: "error" }
        })
        const { body } = yield* jsonOf(send("/chat/a?limit=2"))
        expect(body).toMatchObject({ conversation_id: "a", title: "Question a", running: null })
        expect(
          (body["events"] as unknown as ReadonlyArray<object>).map((each) => Object(each).status)
        ).toEqual(["message", "complete"])
        const markdown = yield* send("/chat/a/export?format=md")
        expect(yield* Effect.promise(() => markdown.text())).toContain("# Question a\n\n## User")
        expect((yield* send("/chat/a", undefined, { method: "DELETE" })).status).toBe(204)
        expect((yield* send("/chat/a")).status).toBe(404)
        expect((yield* send("/chat/a/stream")).status).toBe(404)
        expect((yield* send("/chat/b", undefined, { method: "PUT" })).status).toBe(405)
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})

describe("the chat of the AI SDK", () => {
  it.live("shows reasoning, text, tools, usage and cost, and gives an answer again", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(
        { calls: [{ id: "c1", name: "math_add", args: { a: 1, b: 2 } }] },
        ["It is", " 3."],
        ["Three."]
      )
      yield* Effect.gen(function* () {
        const chat = new UiChat(yield* base, "chat-1")
        yield* Effect.promise(() => chat.sendMessage({ text: "1 + 2?" }))
        expect(chat.error).toBeUndefined()
        expect(chat.shown).toEqual(["step-start", "dynamic-tool output-available", "step-start", "text done"])
        expect(chat.text).toBe("It is 3.")
        expect(chat.lastMessage?.metadata).toMatchObject({
          conversation_id: "chat-1",
          usage: { total_tokens: 30 },
          cost_usd: null
        })
        yield* Effect.promise(() => chat.regenerate())
        expect([chat.messages.length, chat.text]).toEqual([2, "Three."])
        expect(Object(requests[2]?.body)["messages"]).toEqual([{ role: "user", content: "1 + 2?" }])
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("approves and declines tool calls", () =>
    Effect.gen(function* () {
      const calls = ["c1", "c2"].map((id) => ({ id, name: "ask", args: {} }))
      const { requests, url } = yield* script({ calls }, ["Done."])
      yield* Effect.gen(function* () {
        const chat = new UiChat(yield* base, "chat-2")
        yield* Effect.promise(() => chat.sendMessage({ text: "Do both" }))
        expect(chat.shown).toEqual([
          "step-start",
          "dynamic-tool approval-requested",
          "dynamic-tool approval-requested"
        ])
        const ids = (chat.lastMessage?.parts ?? []).flatMap((part) =>
          "approval" in part && part.approval !== undefined ? [part.approval.id] : []
        )
        for (const id of ids)
          yield* Effect.promise(async () => chat.addToolApprovalResponse({ id, approved: false }))
        yield* Effect.promise(async () => {
          while (chat.status !== "ready" || chat.text === "")
            await new Promise((resolve) => setImmediate(resolve))
        })
        expect([chat.messages.length, chat.text]).toEqual([2, "Done."])
        expect(chat.shown.slice(0, 3)).toEqual([
          "step-start",
          "dynamic-tool output-denied",
          "dynamic-tool output-denied"
        ])
        expect(requests).toHaveLength(2)
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  it.live("stops with a separate request, and comes back to a running turn after a reload", () =>
    Effect.gen(function* () {
      const { url } = yield* script({ calls: [{ id: "c1", name: "wait", args: {} }] })
      yield* Effect.gen(function* () {
        const chat = new UiChat(yield* base, "chat-3")
        const sent = chat.sendMessage({ text: "Wait" })
        yield* started
        yield* Effect.promise(async () => {
          await chat.stop()
          await sent
        })
        const reloaded = new UiChat(yield* base, "chat-3", chat.messages.slice(0, 1))
        const resumed = reloaded.resumeStream()
        yield* Effect.promise(async () => {
          while (reloaded.shown.length < 2) await new Promise((resolve) => setImmediate(resolve))
        })
        expect(reloaded.shown).toEqual(["step-start", "dynamic-tool input-available"])
        expect(yield* jsonOf(send("/chat/chat-3/stop", {}))).toMatchObject({ body: { status: "stopping" } })
        yield* Effect.promise(() => resumed)
        expect(reloaded.status).toBe("ready")
        yield* Effect.promise(() => reloaded.resumeStream())
        expect(reloaded.status).toBe("ready")
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ approval: "never" }) })))
    })
  )
})
