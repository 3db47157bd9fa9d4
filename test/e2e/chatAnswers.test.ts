/** Answers, stops and ends of turns: forms that are filled in wrongly, repeated stops, a store that fails, and shutdown. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
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
import { itPostgres, postgres } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { chunk, events } from "../support/models.ts"
import { tcpProxy } from "../support/tcpProxy.ts"

const inputOf = (frames: ReadonlyArray<Frame>) => Object(frames.at(-1)?.["input"]) as { readonly id: string }

const form = { chat: chatWith({ approval: "never" }) }
const asking = () => script({ calls: [{ id: "c1", name: "ask", args: {} }] }, ["Done."])

const post = (path: string, body: unknown) =>
  Effect.flatMap(base, (url) =>
    Effect.promise(() =>
      fetch(new URL(path, url), {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" }
      })
    )
  )

describe("a form", () => {
  it.live("that is filled in wrongly is refused with its fields, and can be filled in again", () =>
    Effect.gen(function* () {
      const { url } = yield* asking()
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Ask me") })
        const asked = yield* until(client, "input_required")
        const { id } = inputOf(asked)
        const issue = (message: string, type: string) => ({
          status: "error",
          error: { code: 400, data: { validation_errors: [{ field: "content.name", message, type }] } }
        })
        for (const [content, expected] of [
          [{ name: 5 }, issue("Expected a string", "value_error")],
          [{ other: "x" }, issue("required, but missing", "missing")],
          [undefined, issue("required, but missing", "missing")]
        ] as const) {
          yield* client.send({
            v: 1,
            action: "answer",
            request_id: "a",
            payload: { id, action: "accept", content }
          })
          expect((yield* until(client, "error")).at(-1)).toMatchObject(expected)
        }
        const conversation = String(asked.at(-1)?.["conversation_id"])
        const refused = yield* post(`/chat/${conversation}/answer`, { id, action: "accept", content: {} })
        expect(refused.status).toBe(400)
        yield* client.send({
          v: 1,
          action: "answer",
          payload: { id, action: "accept", content: { name: "Ann" } }
        })
        const rest = yield* until(client, "complete", "error")
        expect(rest.at(-1)).toMatchObject({ status: "complete" })
        expect(rest.filter(({ status }) => status === "input_answered")).toHaveLength(1)
      }).pipe(Effect.provide(chatService(url, form)))
    })
  )

  it.live("of the AI SDK's stream is answered over POST", () =>
    Effect.gen(function* () {
      const { url } = yield* asking()
      yield* Effect.gen(function* () {
        const message = { id: "m1", role: "user", parts: [{ type: "text", text: "Ask me" }] }
        const got = yield* post("/chat", { id: "form", messages: [message], trigger: "submit-message" })
        expect(got.headers.get("x-vercel-ai-ui-message-stream")).toBe("v1")
        const reader = got.body?.pipeThrough(new TextDecoderStream()).getReader()
        let text = ""
        const read = (wanted: RegExp) =>
          Effect.promise(async () => {
            for (;;) {
              const found = wanted.exec(text)
              if (found !== null) return found
              const next = await reader?.read()
              if (next === undefined || next.done) throw new Error(`The stream ended: ${text}`)
              text += next.value
            }
          })
        const [data] = yield* read(/\{"type":"data-input-required".*\}/)
        const { data: input } = JSON.parse(data) as { readonly data: Record<string, unknown> }
        expect(input).toMatchObject({ reason: "elicitation", response_schema: { type: "object" } })
        const answered = yield* post("/chat/form/answer", {
          id: input["id"],
          action: "accept",
          content: { name: "Ann" }
        })
        expect(answered.status).toBeLessThan(300)
        yield* read(/Hello Ann/)
        yield* read(/\[DONE\]/)
      }).pipe(Effect.provide(chatService(url, form)))
    })
  )
})

describe("a turn", () => {
  const endless = () => events([chunk({ content: "Endless" })], "open")

  it.live("that was asked to stop is not asked again", () =>
    Effect.gen(function* () {
      const { url } = yield* script({ calls: [{ id: "c1", name: "ask", args: {} }] })
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Go") })
        const asked = yield* until(client, "input_required")
        const conversation = String(asked.at(-1)?.["conversation_id"])
        const stops = Array.from({ length: 5 }, () => post(`/chat/${conversation}/stop`, {}))
        const got = yield* Effect.all(stops, { concurrency: "unbounded" })
        for (const { status } of got) expect([200, 204, 409]).toContain(status)
        const rest = yield* until(client, "complete", "error")
        expect(rest.at(-1)).toMatchObject({ status: "complete", metadata: { stop_reason: "stopped" } })
        expect(rest.filter(({ status }) => status === "stopping")).toHaveLength(1)
      }).pipe(Effect.provide(chatService(url, form)))
    })
  )

  it.live("begins a conversation with the id that its client has chosen, also over WebSocket", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["Hello"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Hi"), conversation_id: "mine" })
        expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({
          status: "complete",
          conversation_id: "mine"
        })
      }).pipe(Effect.provide(chatService(url)))
    })
  )

  itPostgres.live("whose end cannot be stored ends once the store is back", () =>
    Effect.gen(function* () {
      const storage = yield* postgres
      const target = new URL(storage.postgres_url)
      const proxy = yield* tcpProxy(Number(target.port === "" ? 5432 : target.port))
      target.port = String(proxy.port)
      target.hostname = "127.0.0.1"
      const { promise, resolve } = Promise.withResolvers<void>()
      const { url } = yield* script(async () => {
        await promise
        return response(["Late."])
      })
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Hi"), conversation_id: "c" })
        yield* until(client, "processing")
        yield* proxy.stop
        resolve()
        const failed = yield* post("/chat", { text: "More", conversation_id: "c" })
        expect(failed.status).toBe(503)
        yield* proxy.start
        const again = yield* chatSocket
        const ended = Effect.gen(function* () {
          yield* again.send({ v: 1, action: "resume", conversation_id: "c", after: 0 })
          return yield* until(again, "complete", "error")
        })
        const frames = yield* Effect.repeat(ended, { until: (found) => "seq" in Object(found.at(-1)) })
        expect(["complete", "error"]).toContain(String(frames.at(-1)?.["status"]))
        expect((yield* post("/chat", { text: "More", conversation_id: "c" })).status).toBe(200)
      }).pipe(
        Effect.provide(
          chatService(url, {
            storage: { ...storage, postgres_url: target.href },
            chat: { ...chatWith({}), store: "sql" }
          })
        )
      )
    })
  )

  it.live("that waits for a silent provider does not delay the end of the service", () =>
    Effect.gen(function* () {
      const { url } = yield* script(endless)
      const before = yield* Deferred.make<number>()
      const seen = yield* Effect.scoped(
        Effect.gen(function* () {
          const client = yield* chatSocket
          yield* client.send({ v: 1, ...ask("r1", "Go") })
          yield* until(client, "chunk")
          yield* Deferred.succeed(before, performance.now())
          return yield* Effect.forkDetach(until(client, "complete", "error"))
        }).pipe(Effect.provide(chatService(url, { server: { shutdown_timeout: "60 seconds" } })))
      )
      expect((yield* Fiber.join(seen)).at(-1)).toMatchObject({
        status: "error",
        error: { code: 503, data: { reason: "interrupted" } }
      })
      // The time-out is a minute.
      expect(performance.now() - (yield* Deferred.await(before))).toBeLessThan(30_000)
    })
  )
})
