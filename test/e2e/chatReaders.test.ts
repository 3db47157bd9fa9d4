/** Readers of long conversations: those that keep up get everything, others are closed with a reason. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { ask, base, chatService, chatSocket, chatWith, response, until } from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { local, server } from "../support/models.ts"
import { closeCode, frame, frames as framesOf, rawSocket } from "../support/rawWebSocket.ts"

/** Longer than the window of the compression, which therefore finds no repetition. */
const block = crypto.getRandomValues(new Uint8Array(48 * 1024)).toBase64()
const noise = (name: string) => name + block.repeat(10)

/** A service with a conversation of these turns. */
const withConversation = <A, E, R>(
  turns: ReadonlyArray<string>,
  mostWaiting: number,
  use: (conversation: string) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const { url } = yield* server(() => response(["ok"]), ["m"])
    const config = {
      llm: { ...local(url), max_input_bytes: 10 ** 8 },
      chat: chatWith({ context: { max_tokens: 10 ** 8, reserve_tokens: 1, preserve_recent: 1 } }),
      server: { max_message_bytes: 800_000 },
      mcp: { sessions: { unread_timeout: "1 second", max_waiting_bytes: mostWaiting } }
    }
    return yield* Effect.gen(function* () {
      const client = yield* chatSocket
      for (const turn of turns) {
        // The message is stored, and its turn fails before the model is asked.
        yield* client.send(ask(turn, noise(turn), { model: "nope" }))
        yield* until(client, "error")
      }
      yield* client.send({ v: 1, action: "history", payload: { limit: 1 } })
      return yield* use(String((yield* client.next)?.["conversation_id"]))
    }).pipe(Effect.provide(chatService(url, config)))
  })

const turns = Array.from({ length: 14 }, (_, index) => `r${index + 1}`)
/** Open streams and sockets, as the metrics count them. */
const openStreams = Effect.flatMap(base, (url) =>
  Effect.promise(async () => {
    const text = await (await fetch(new URL("/metrics", url))).text()
    return Number(/^manifold_quota_used\{quota="streams"\} (\d+)$/m.exec(text)?.[1])
  })
)
/** One event begins the conversation, and each turn has two. */
const all = Array.from({ length: 1 + 2 * turns.length }, (_, index) => index + 1)
const seqOf = (event: unknown): number => Object(event).seq

describe("a conversation that is longer than the buffers of a socket", () => {
  it.live("is resumed and paged by a client that keeps up; one that does not read is disconnected", () =>
    withConversation(turns, 1_000_000, (conversation_id) =>
      Effect.gen(function* () {
        const resume = { v: 1, action: "resume", conversation_id, after: 0 }
        const slow = yield* rawSocket(new URL("/ws/chat", yield* base))
        slow.socket.pause()
        slow.socket.write(frame(JSON.stringify(resume)))
        const client = yield* chatSocket
        yield* client.send(resume)
        const seen: Array<number> = []
        for (const _ of turns) seen.push(...(yield* until(client, "error")).map(seqOf))
        expect(seen).toEqual(all)
        const paged: Array<number> = []
        for (const _ of ["latest", "before"]) {
          const payload = { before: paged[0] ?? 10 ** 6, limit: 1000 }
          yield* client.send({ v: 1, action: "history", conversation_id, payload })
          const { events, status } = (yield* client.next) ?? {}
          expect(status).toBe("history")
          paged.unshift(...(events as ReadonlyArray<unknown>).map(seqOf))
        }
        expect(paged.length).toBeGreaterThanOrEqual(2)
        expect(paged).toEqual(all.slice(-paged.length))
        expect(paged.length).toBeLessThan(all.length)
        // Only the client that keeps up is still connected.
        yield* Effect.repeat(openStreams, { until: (open) => open === 2 })
        slow.socket.resume()
        const received = yield* slow.ended
        // A socket that is still unread after the time-out is dropped without a close frame.
        expect([1006, 1013]).toContain(closeCode(received))
        expect(framesOf(received).length).toBeLessThan(all.length)
      })
    )
  )
})

describe("an event that is longer than the buffer of a response", () => {
  it.live("is followed by the next ones", () =>
    withConversation(["r1"], 100_000, (conversation_id) =>
      Effect.gen(function* () {
        const url = new URL("/chat", yield* base)
        const headers = { "content-type": "application/json", accept: "text/event-stream" }
        const body = JSON.stringify({ text: noise("r1"), model: "nope", request_id: "r1", conversation_id })
        const text = yield* Effect.promise(async () =>
          (await fetch(url, { method: "POST", headers, body })).text()
        )
        expect(Array.from(text.matchAll(/^id: (\d+)$/gm), ([, seq]) => Number(seq))).toEqual([2, 3])
      })
    )
  )
})
