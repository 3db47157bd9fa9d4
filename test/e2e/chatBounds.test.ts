/** Bounds of conversations: nothing remains of connections, requests at once, slots of nested calls, and hostile frames. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Schedule } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { ask, base, chatService, chatSocket, chatWith, script, until, type Frame } from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { Held, started } from "../support/service.ts"
import { webSocket } from "../support/webSocket.ts"

/** Polls, because there is no event for the release of a socket's memory. */
const eventually = (condition: Effect.Effect<boolean>) =>
  Effect.repeat(condition, { schedule: Schedule.spaced("20 millis"), until: (met) => met })

describe("connections", () => {
  it.live("leave no stream, memory, call or queued call behind after 1,000 connects", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["Hello"])
      yield* Effect.gen(function* () {
        const quotas = yield* Quotas
        const guard = yield* Guard
        const connect = (number: number) =>
          Effect.scoped(
            Effect.gen(function* () {
              const client = yield* chatSocket
              // Some leave at once, some in the middle of a turn, and some after it.
              if (number % 3 === 0) return
              yield* client.send({ v: number % 2, ...ask(`r${number}`, "Hi") })
              yield* until(client, ...(number % 3 === 1 ? ["processing", "error"] : ["complete", "error"]))
            })
          )
        yield* Effect.forEach(Array.from({ length: 1000 }).keys(), connect, {
          concurrency: 20,
          discard: true
        })
        yield* eventually(
          Effect.map(
            guard.state,
            ({ running, waiting }) =>
              running === 0 && waiting === 0 && quotas.memory.used === 0 && quotas.streams.used === 0
          )
        )
        // The quotas of turns are free as well.
        const client = yield* chatSocket
        yield* client.send(ask("last", "Hi"))
        expect((yield* until(client, "complete", "error")).at(-1)).toMatchObject({ status: "complete" })
      }).pipe(
        Effect.provide(
          chatService(url, {
            limits: { enabled: false },
            chat: { ...chatWith({ tools: [] }), max_turns: { principal: 40, total: 40 } }
          })
        )
      )
    })
  )

  it.live("answer each of 65 requests at once, or refuse it, and go on", () =>
    Effect.gen(function* () {
      const { url } = yield* script(["Hello"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Hi"), conversation_id: "c" })
        yield* until(client, "complete", "error")
        const frame = { v: 1, action: "history", conversation_id: "c" }
        for (let number = 0; number < 65; number++) {
          yield* client.send({ ...frame, request_id: `h${number}` })
        }
        const answers: Array<Frame> = []
        while (answers.length < 65) {
          const answer = yield* client.next
          if (answer !== undefined) answers.push(answer)
        }
        const ids = answers.flatMap(({ request_id, status }) => (status === "history" ? [request_id] : []))
        expect(new Set(ids).size).toBe(ids.length)
        expect(ids.length).toBeGreaterThanOrEqual(64)
        for (const { error, status } of answers) {
          if (status !== "history") expect(error).toMatchObject({ code: 429 })
        }
        yield* client.send({ v: 1, action: "ping", request_id: "p" })
        expect(yield* client.next).toMatchObject({ request_id: "p", status: "pong" })
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})

describe("a turn", () => {
  it.live("runs its tools and models in its slot, with one slot for the user and in total", () =>
    Effect.gen(function* () {
      const calls = Array.from({ length: 5 }, (_, at) => ({
        id: `c${at}`,
        name: "math_add",
        args: { a: at, b: 1 }
      }))
      const { url } = yield* script({ calls }, ["Five sums."])
      yield* Effect.gen(function* () {
        const clients = yield* Effect.all([chatSocket, chatSocket, chatSocket])
        yield* Effect.forEach(clients, (client, at) => client.send({ v: 1, ...ask(`r${at}`, "Add") }))
        for (const client of clients) {
          const frames = yield* until(client, "complete", "error")
          expect(frames.at(-1)).toMatchObject({ status: "complete" })
        }
        const { running, waiting } = yield* (yield* Guard).state
        expect([running, waiting]).toEqual([0, 0])
      }).pipe(
        Effect.provide(
          chatService(url, {
            limits: { concurrency: { principal: 1, total: 1, queue_timeout: "30 seconds" } },
            chat: chatWith({})
          })
        )
      )
    })
  )
})

describe("a credential", () => {
  it.live("that expires during a turn closes the socket and allows no new turn, but the turn goes on", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script({ calls: [{ id: "c1", name: "wait", args: {} }] }, ["Done."])
      const { release } = yield* Held
      const token = "alice-0123456789abcdef0123456789abcdef"
      const expires_at = new Date(Date.now() + 2000).toISOString()
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
      yield* Effect.gen(function* () {
        const at = yield* base
        const client = yield* webSocket(new URL(`ws://${at.host}/ws/chat`), { headers })
        yield* client.send({ v: 1, ...ask("r1", "Wait") })
        yield* started
        yield* client.closed
        const body = JSON.stringify({ text: "More" })
        const refused = yield* Effect.promise(() =>
          fetch(new URL("/chat", at), { method: "POST", headers, body })
        )
        expect(refused.status).toBe(401)
        yield* Deferred.succeed(release, undefined)
        yield* eventually(Effect.sync(() => requests.length === 2))
        expect(JSON.stringify(requests[1]?.body)).toContain("released")
      }).pipe(
        Effect.provide(
          chatService(url, {
            auth: { tokens: [{ name: "alice", token, expires_at }] },
            chat: chatWith({ approval: "never" })
          })
        )
      )
    }).pipe(Effect.provide(Held.layer))
  )
})

describe("a frame", () => {
  it.live("with lone surrogates, U+0000 or __proto__ harms nothing, and its text comes back", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["Hello"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        const texts = ["\ud800", "a\u0000b", "\udc00 and \ud83d", "__proto__"]
        for (const [at, text] of texts.entries()) {
          yield* client.send({ v: 1, ...ask(`r${at}`, text) })
          const frames = yield* until(client, "complete", "error")
          expect(frames.at(-1)).toMatchObject({ status: "complete" })
          const said = frames.find(({ status }) => status === "processing")
          expect(JSON.stringify(said?.["content"])).toBe(JSON.stringify([{ type: "text", text }]))
        }
        expect(requests).toHaveLength(texts.length)
        for (const frame of [
          '{"action":"chat","request_id":"p","__proto__":{"polluted":1},"payload":{"text":"Hi","__proto__":{"text":1}}}',
          '{"action":"constructor"}',
          '{"__proto__":{"action":"ping"}}',
          '{"action":"stop","conversation_id":"__proto__"}',
          '{"action":"resume","conversation_id":"\\u0000","after":0}',
          '{"action":"history","conversation_id":"\\ud800"}',
          '{"action":"chat","request_id":"\\u0000\\ud800","conversation_id":"constructor","payload":{"text":"Hi"}}'
        ]) {
          yield* client.send(frame)
          const answers = yield* until(client, "complete", "error", "pong")
          const last = answers.at(-1)
          if (last?.["status"] === "error") {
            expect(Number(Object(last["error"]).code)).toBeLessThan(500)
          }
        }
        expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
        yield* client.send({ v: 1, action: "ping", request_id: "p" })
        expect((yield* until(client, "pong")).at(-1)).toMatchObject({ request_id: "p" })
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})
