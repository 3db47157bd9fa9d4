/** Interruption over HTTP: every way to disconnect or cancel stops the calls of the client, in both protocol eras. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { it } from "../support/effect.ts"
import {
  endpoint,
  events,
  Held,
  openSession,
  post,
  readJson,
  request,
  service,
  stateless,
  interrupted,
  started
} from "../support/service.ts"

/** A connection that the client can close. */
const connection = () => new AbortController()

const release = Effect.flatMap(Held, (held) => Deferred.succeed(held.release, undefined))

describe("session era", () => {
  it.live("in a session notifications/cancelled interrupts the handler and ends the POST", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      const call = yield* Effect.forkChild(post(url, request(1, "tools/call", { name: "wait" }), session))
      yield* started
      const cancel = yield* post(
        url,
        { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1, reason: "enough" } },
        session
      )
      expect(cancel.status).toBe(202)
      yield* interrupted
      const ended = yield* Fiber.join(call)
      const text = yield* Effect.promise(() => ended.text())
      expect(text).toContain("cancelled")
      // The id is free again: no part of the call is left.
      const again = yield* post(url, request(1, "ping"), session)
      expect(yield* readJson(again)).toEqual({ jsonrpc: "2.0", id: 1, result: {} })
    }).pipe(Effect.provide(service()))
  )

  it.live("DELETE interrupts the handlers of the session and ends their POSTs", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      const call = yield* Effect.forkChild(
        Effect.flatMap(post(url, request(1, "tools/call", { name: "wait" }), session), (response) =>
          Effect.promise(() => response.text())
        )
      )
      yield* started
      const gone = yield* Effect.promise(() => fetch(url, { method: "DELETE", headers: session }))
      expect(gone.status).toBe(200)
      yield* interrupted
      yield* Fiber.join(call)
      expect((yield* post(url, request(2, "ping"), session)).status).toBe(404)
    }).pipe(Effect.provide(service()))
  )

  it.live("a closed stream of a session interrupts its call only after the resume window", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      const leave = connection()
      const response = yield* post(url, request(1, "tools/call", { name: "wait" }), session, leave.signal)
      yield* started
      const stream = events(response)
      yield* Effect.promise(() => stream.next())
      leave.abort()
      yield* interrupted
    }).pipe(Effect.provide(service({ mcp: { sessions: { resume_window: "100 millis" } } })))
  )

  it.live("a connection that is closed before its response becomes a stream counts as lost", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      const leave = connection()
      yield* Effect.forkChild(
        Effect.exit(post(url, request(1, "tools/call", { name: "wait" }), session, leave.signal))
      )
      yield* started
      leave.abort()
      yield* interrupted
    }).pipe(Effect.provide(service({ mcp: { sessions: { resume_window: "100 millis" } } })))
  )

  it.live("a result that is ready after a few turns of the event loop is plain JSON", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      yield* Effect.forkChild(Effect.andThen(started, release))
      const response = yield* post(url, request(1, "tools/call", { name: "wait" }), session)
      expect(response.headers.get("content-type")).toBe("application/json")
      expect(yield* readJson(response)).toMatchObject({ id: 1, result: { content: [{ text: "released" }] } })
    }).pipe(Effect.provide(service()))
  )

  it.live("a client that resumes in time gets the missed events and the result", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      const leave = connection()
      const call = request(1, "tools/call", { name: "tick", _meta: { progressToken: "p" } })
      const response = yield* post(url, call, session, leave.signal)
      yield* started
      const first = yield* Effect.promise(() => events(response).next())
      const id = first.value?.id ?? ""
      expect(first.value?.data).toBe("") // the priming event
      leave.abort()
      const resumed = yield* Effect.promise(() =>
        fetch(url, { headers: { ...session, accept: "text/event-stream", "last-event-id": id } })
      )
      yield* release
      const seen: Array<string> = []
      yield* Effect.promise(async () => {
        for await (const { data } of events(resumed)) seen.push(data)
      })
      const messages = seen
        .filter((data) => data !== "")
        .map((data) => JSON.parse(data) as Record<string, unknown>)
      expect(messages[0]).toMatchObject({
        method: "notifications/progress",
        params: { progress: 1, total: 2 }
      })
      expect(messages.at(-1)).toMatchObject({ id: 1, result: { content: [{ text: "done" }] } })
    }).pipe(Effect.provide(service()))
  )
})

describe("stateless era", () => {
  it.live(
    "a closed connection of a stateless request interrupts the handler before the response starts",
    () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        const leave = connection()
        const { body, headers } = stateless(1, "tools/call", { name: "wait", arguments: {} })
        yield* Effect.forkChild(Effect.exit(post(url, body, headers, leave.signal)))
        yield* started
        leave.abort()
        yield* interrupted
      }).pipe(Effect.provide(service()))
  )

  it.live("a closed stream of a stateless request interrupts the handler", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const leave = connection()
      const call = stateless(1, "tools/call", { name: "tick", arguments: {} })
      const meta = { ...(call.body.params._meta as object), progressToken: "p" }
      const body = { ...call.body, params: { ...call.body.params, _meta: meta } }
      const response = yield* post(url, body, call.headers, leave.signal)
      const first = yield* Effect.promise(() => events(response).next())
      expect(JSON.parse(first.value?.data ?? "")).toMatchObject({ method: "notifications/progress" })
      leave.abort()
      yield* interrupted
    }).pipe(Effect.provide(service()))
  )
})

describe("shutdown", () => {
  it.live("shutdown interrupts calls that do not finish in time", () =>
    Effect.gen(function* () {
      const held = yield* Held
      yield* Effect.gen(function* () {
        const url = yield* endpoint
        const session = yield* openSession(url)
        yield* Effect.forkDetach(Effect.exit(post(url, request(1, "tools/call", { name: "wait" }), session)))
        yield* started
      }).pipe(Effect.provide(service({ server: { shutdown_timeout: "100 millis" } })))
      yield* Deferred.await(held.interrupted)
    }).pipe(Effect.provide(Held.layer))
  )
})
