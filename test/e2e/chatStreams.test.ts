/** Streams of conversations that are resumed at wrong places, and repeated. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { ask, base, chatService, chatSocket, chatWith, script, until } from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { started } from "../support/service.ts"

const request = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
  Effect.flatMap(base, (url) =>
    Effect.promise(() =>
      fetch(new URL(path, url), {
        ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
        headers: { "content-type": "application/json", ...headers }
      })
    )
  )

describe("a stream of a conversation", () => {
  it.live("cannot begin at an event that does not exist, and pages have at least one event", () =>
    Effect.gen(function* () {
      const { url } = yield* script({ calls: [{ id: "c1", name: "wait", args: {} }] })
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* request("/chat", { text: "Wait", conversation_id: "a:b" }, { accept: "text/event-stream" })
        yield* started
        const events = { accept: "text/event-stream" }
        for (const after of ["1000000", "-1", "x", ""]) {
          expect((yield* request(`/chat/a%3Ab/stream?after=${after}`, undefined, events)).status).toBe(400)
          if (after === "") continue
          const headers = { ...events, "last-event-id": after }
          expect((yield* request("/chat/a:b/stream", undefined, headers)).status).toBe(400)
        }
        yield* client.send({ v: 1, action: "resume", conversation_id: "a:b", after: 1_000_000 })
        expect(yield* client.next).toMatchObject({ status: "error", error: { code: 400 } })
        for (const path of ["/chat?limit=0", "/chat/a:b?limit=0", "/chat/a:b?before=-1"]) {
          expect((yield* request(path)).status).toBe(400)
        }
        expect((yield* request("/chat/%zz")).status).toBe(404)
        yield* request("/chat/a:b/stop", {})
      }).pipe(Effect.provide(chatService(url, { chat: chatWith({ approval: "never" }) })))
    })
  )

  it.live("is sent each time a request id is repeated on one socket", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* script(["Hello"])
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send(ask("r1", "Hi"))
        const first = yield* until(client, "complete", "error")
        for (let time = 0; time < 3; time++) {
          yield* client.send(ask("r1", "Hi"))
          expect(yield* until(client, "complete", "error")).toEqual(first)
        }
        expect(requests).toHaveLength(1)
      }).pipe(Effect.provide(chatService(url)))
    })
  )
})
