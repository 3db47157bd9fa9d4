/** Slow responses of stateless requests become event streams with comments; fast ones are unchanged. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Hold, Quota } from "../../../layers/quotas/Quota.ts"
import { Backlog } from "../../../layers/transports/Backlog.ts"
import * as slowResponses from "../../../layers/transports/keepAlive.ts"
import { it } from "../../support/effect.ts"

/** A time limit that never applies first. */
const backlog = () =>
  new Backlog(
    { mostWaiting: 1024, unreadTimeout: Infinity, now: () => 0 },
    new Hold(new Quota({ principal: Infinity, total: Infinity }), "anyone")
  )

const result = { jsonrpc: "2.0", id: 1, result: {} }

/** A response under the control of the test, passed through `keepAlive`. */
const pending = Effect.gen(function* () {
  const { keepAlive } = yield* slowResponses.make(() => [])
  const source = Promise.withResolvers<Response>()
  return { ...source, response: keepAlive(source.promise, backlog) }
})

const settled = <A>(promise: Promise<A>) => Effect.promise(() => promise)
const text = (response: Response) => Effect.promise(() => response.text())

it.effect("a fast response is passed on unchanged", () =>
  Effect.gen(function* () {
    const { resolve, response } = yield* pending
    yield* TestClock.adjust("5 seconds")
    const original = Response.json(result, { status: 418 })
    resolve(original)
    expect(yield* settled(response)).toBe(original)
    yield* TestClock.adjust("1 minute")
    expect(yield* text(original)).toBe(JSON.stringify(result))
  }).pipe(Effect.scoped)
)

it.effect("a slow response becomes an event stream with comments that ends with the result", () =>
  Effect.gen(function* () {
    const { resolve, response } = yield* pending
    yield* TestClock.adjust("20 seconds")
    const stream = yield* settled(response)
    expect(stream.headers.get("content-type")).toBe("text/event-stream")
    resolve(Response.json(result))
    const events = (yield* text(stream)).split("\n\n")
    expect(events.slice(0, 3)).toEqual([": keepalive", ": keepalive", ": keepalive"])
    expect(events.slice(3)).toEqual([`event: message\ndata: ${JSON.stringify(result)}`, ""])
  }).pipe(Effect.scoped)
)

it.effect("late events are passed on unchanged", () =>
  Effect.gen(function* () {
    const { resolve, response } = yield* pending
    yield* TestClock.adjust("10 seconds")
    const stream = yield* settled(response)
    const late = "event: message\ndata: 1\n\nevent: message\ndata: 2\n\n"
    resolve(new Response(late, { headers: { "content-type": "text/event-stream" } }))
    expect(yield* text(stream)).toBe(`: keepalive\n\n${late}`)
  }).pipe(Effect.scoped)
)

it.effect("a client that disconnects cancels the rest of the response", () =>
  Effect.gen(function* () {
    const { resolve, response } = yield* pending
    yield* TestClock.adjust("10 seconds")
    const stream = yield* settled(response)
    const read = Promise.withResolvers<void>()
    const cancelled = Promise.withResolvers<void>()
    const body = new ReadableStream<Uint8Array>(
      { pull: () => read.resolve(), cancel: () => cancelled.resolve() },
      { highWaterMark: 0 }
    )
    resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }))
    yield* settled(read.promise)
    yield* Effect.promise(async () => stream.body?.cancel())
    yield* settled(cancelled.promise)
  }).pipe(Effect.scoped)
)

it.effect("a response that fails late ends the stream", () =>
  Effect.gen(function* () {
    const { reject, response } = yield* pending
    yield* TestClock.adjust("10 seconds")
    const stream = yield* settled(response)
    reject(new Error("gone"))
    expect(yield* text(stream)).toBe(": keepalive\n\n")
  }).pipe(Effect.scoped)
)
