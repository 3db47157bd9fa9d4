/** `/stream` of the real service: channels, content codings, limits, and the end of the stream. */
import { describe, expect } from "bun:test"
import { Context, Effect, Fiber, Layer, Scope, Exit } from "effect"
import { Listener } from "../../../layers/http/Listener.ts"
import { encodings } from "../../../layers/http/contentCodings.ts"
import { Channels } from "../../../layers/events/Channels.ts"
import { anonymousLoopback, stdioUser } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"
import { linesOf } from "../../support/ndjson.ts"
import { service } from "../../support/service.ts"

const open = Effect.fnUntraced(function* (query = "", encoding = "identity") {
  const { url } = yield* Listener
  return yield* Effect.promise(() =>
    fetch(`${url}/stream${query}`, { headers: { "accept-encoding": encoding } })
  )
})

describe("/stream", () => {
  for (const encoding of ["identity", ...encodings]) {
    it.live(`sends each event at once with content coding ${encoding}`, () =>
      Effect.gen(function* () {
        const channels = yield* Channels
        const response = yield* open("?channels=progress", encoding)
        expect(response.headers.get("content-type")).toBe("application/x-ndjson")
        expect(response.headers.get("content-encoding")).toBe(encoding === "identity" ? null : encoding)
        expect(response.headers.get("vary")).toBe("Accept-Encoding")
        const next = linesOf(response)
        expect(yield* next).toEqual({ channel: "ready", data: { channels: ["progress"] } })
        for (let step = 0; step < 20; step++) {
          yield* channels.publish("progress", anonymousLoopback, { step })
          expect(yield* next).toEqual({ channel: "progress", data: { step } })
        }
      }).pipe(Effect.provide(service()))
    )
  }

  it.live("carries all channels by default, with the events of its principal only", () =>
    Effect.gen(function* () {
      const channels = yield* Channels
      const next = linesOf(yield* open())
      expect(yield* next).toEqual({
        channel: "ready",
        data: { channels: ["heartbeat", "progress", "usage"] }
      })
      expect(yield* next).toEqual({ channel: "heartbeat", data: { heartbeat: 1, active_clients: 1 } })
      yield* channels.publish("usage", stdioUser, { of: "other principal" })
      yield* channels.publish("usage", anonymousLoopback, { of: "mine" })
      expect(yield* next).toEqual({ channel: "usage", data: { of: "mine" } })
    }).pipe(Effect.provide(service()))
  )

  it.live("accepts repeated and comma-separated channels, and rejects unknown ones", () =>
    Effect.gen(function* () {
      for (const query of ["?channels=usage,progress,usage", "?channels=usage&channels=progress"]) {
        expect(yield* linesOf(yield* open(query))).toMatchObject({
          data: { channels: ["usage", "progress"] }
        })
      }
      const wrong = yield* open("?channels=usage,everything")
      expect(wrong.status).toBe(400)
      expect(yield* Effect.promise(() => wrong.text())).toContain("heartbeat, progress, usage")
    }).pipe(Effect.provide(service()))
  )

  it.live("counts as an active client until its reader leaves", () =>
    Effect.gen(function* () {
      const { url } = yield* Listener
      const channels = yield* Channels
      const watching = yield* open("?channels=heartbeat")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const signal = yield* Effect.abortSignal
          yield* linesOf(yield* Effect.promise(() => fetch(`${url}/stream`, { signal })))
          expect(yield* channels.active).toBe(2)
        })
      )
      // The service notices the closed connection after an unknown time.
      while ((yield* channels.active) > 1) yield* Effect.promise(() => new Promise(setImmediate))
      yield* linesOf(watching)
    }).pipe(Effect.provide(service()))
  )

  it.live("rejects more streams than mcp.sessions.max with 429", () =>
    Effect.gen(function* () {
      yield* linesOf(yield* open())
      const second = yield* open()
      expect([second.status, second.headers.get("retry-after")]).toEqual([429, "60"])
    }).pipe(Effect.provide(service({ mcp: { sessions: { max: 1 } } })))
  )

  it.live("ends with a line end when the service stops", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(service(), scope)
      const next = linesOf(yield* open("?channels=usage").pipe(Effect.provideContext(context)))
      yield* next
      expect(Context.get(context, Listener).sockets()).toBe(0)
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      expect(yield* next).toEqual({ channel: "end", data: { reason: "the service is stopping" } })
      expect(yield* next).toBeUndefined()
      yield* Fiber.join(stopping)
    })
  )
})
