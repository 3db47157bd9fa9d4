/** Correlation ids and traces of callers, in every protocol era. */
import { describe, expect } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Caller } from "../../../src/catalog/Caller.ts"
import * as toolkitEntries from "../../../src/catalog/toolkitEntries.ts"
import { it } from "../../support/effect.ts"
import {
  endpoint,
  initialize,
  openSession,
  post,
  readJson,
  request,
  service,
  stateless
} from "../../support/service.ts"
import { webSocket } from "../../support/webSocket.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const traceparent = `00-${traceId}-b7ad6b7169203331-01`
const other = `00-${"1".repeat(32)}-${"2".repeat(16)}-00`

const Said = Schema.Struct({
  request: Schema.Boolean,
  call: Schema.String,
  correlation: Schema.NullOr(Schema.String),
  trace: Schema.NullOr(Schema.String)
})
const Who = Tool.make("who", { success: Said, dependencies: [Caller] })
const toolkit = Toolkit.make(Who)
const who = {
  toolkit,
  layer: toolkit.toLayer({
    who: () =>
      Effect.map(Caller, (caller) => ({
        request: caller.requestId.length > 0 && caller.requestId === caller.requestId,
        call: caller.call ?? "",
        correlation: caller.correlationId ?? null,
        trace: caller.trace?.traceId ?? null
      }))
  })
}
const serving = () => toolkitEntries.layer(who).pipe(Layer.provideMerge(service()))

interface Answer {
  readonly result?: { readonly structuredContent?: unknown }
}
const said = (answer: unknown) => (answer as Answer).result?.structuredContent

type Ask = (
  headers: Record<string, string>,
  meta?: Record<string, unknown>
) => Effect.Effect<unknown, never, Effect.Services<typeof endpoint>>

const inSession: Ask = (headers, meta) =>
  Effect.gen(function* () {
    const url = yield* endpoint
    const session = yield* openSession(url)
    const params = { name: "who", ...(meta && { _meta: meta }) }
    const response = yield* post(url, request(1, "tools/call", params), { ...session, ...headers })
    return said(yield* readJson(response))
  })

const withoutSession: Ask = (headers, meta) =>
  Effect.gen(function* () {
    const { body, headers: own } = stateless(1, "tools/call", { name: "who" })
    Object.assign(body.params["_meta"] as object, meta)
    return said(yield* readJson(yield* post(yield* endpoint, body, { ...own, ...headers })))
  })

for (const [era, ask] of [
  ["in a session", inSession],
  ["without a session", withoutSession]
] as const) {
  describe(era, () => {
    it.live("the ids of a request come from valid headers and _meta", () =>
      Effect.gen(function* () {
        const nobody = { request: true, call: "tools/call who", correlation: null, trace: null }
        expect(yield* ask({})).toEqual(nobody)
        expect(yield* ask({ traceparent })).toEqual({ ...nobody, correlation: traceId, trace: traceId })
        expect(yield* ask({ traceparent: other }, { traceparent })).toMatchObject({ trace: traceId })
        expect(yield* ask({ traceparent }, { traceparent: "nonsense" })).toMatchObject({ trace: traceId })
        expect(yield* ask({ traceparent, "x-request-id": "req-7" })).toMatchObject({
          correlation: "req-7",
          trace: traceId
        })
        expect(yield* ask({ "x-request-id": "b", "x-correlation-id": "a" })).toMatchObject({
          correlation: "a"
        })
        for (const id of ["", "a b", '"},{"', "x".repeat(129), "\u00e4"]) {
          expect(yield* ask({ "x-correlation-id": id })).toEqual(nobody)
        }
      }).pipe(Effect.provide(serving()))
    )
  })
}

it.live("over a WebSocket the ids come from _meta", () =>
  Effect.gen(function* () {
    const url = new URL("/mcp/ws", yield* endpoint)
    const { next, send } = yield* webSocket(url, { headers: { "x-request-id": "of the connection" } })
    yield* send(initialize())
    yield* next
    yield* send(request(1, "tools/call", { name: "who", _meta: { traceparent } }))
    expect(said(yield* next)).toMatchObject({ correlation: traceId, trace: traceId })
    yield* send(request(2, "tools/call", { name: "who" }))
    expect(said(yield* next)).toMatchObject({ correlation: null, trace: null })
  }).pipe(Effect.provide(serving()))
)
