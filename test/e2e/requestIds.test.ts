/** The request id: the response header, the log, progress, the trace and the error all have the same one. */
import { describe, expect } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Calls } from "../../layers/ledger/Calls.ts"
import { LogRing } from "../../layers/logging/LogRing.ts"
import * as toolkitEntries from "../../src/catalog/toolkitEntries.ts"
import { it } from "../support/effect.ts"
import { endpoint, openSession, post, readJson, request, service, stateless } from "../support/service.ts"

const Break = Tool.make("break", { success: Schema.Void })
const toolkit = Toolkit.make(Break)
const broken = { toolkit, layer: toolkit.toLayer({ break: () => Effect.die(new Error("unforeseen")) }) }
const layer = () =>
  toolkitEntries
    .layer(broken)
    .pipe(Layer.provideMerge(service({ logging: { level: "info", file: "manifold.log" } })))

/** The JSON-RPC error; it is an event if the call took longer than one turn of the event loop. */
const answerOf = (response: Response) =>
  Effect.promise(async () => {
    const text = await response.text()
    const json = text.startsWith("{") ? text : (/^data: (.*"error".*)$/m.exec(text)?.[1] ?? "")
    return JSON.parse(json) as { readonly error: { readonly message: string } }
  })

type Send = (
  id: number,
  name: string,
  headers: Record<string, string>
) => Effect.Effect<Response, never, Effect.Services<typeof endpoint>>

const inSession: Send = Effect.fnUntraced(function* (id, name, headers) {
  const url = yield* endpoint
  const session = yield* openSession(url)
  return yield* post(url, request(id, "tools/call", { name }), { ...session, ...headers })
})
const alone: Send = Effect.fnUntraced(function* (id, name, headers) {
  const { body, headers: own } = stateless(id, "tools/call", { name })
  return yield* post(yield* endpoint, body, { ...own, ...headers })
})

for (const [name, send] of [
  ["of a request in a session", inSession],
  ["of a request without a session", alone]
] as const) {
  describe(`the request id ${name}`, () => {
    it.live("is the X-Request-Id of the client if it is valid, else a new one", () =>
      Effect.gen(function* () {
        const calls: Array<string> = []
        yield* (yield* Calls).observe({ finished: ({ requestId }) => calls.push(requestId) })
        const ring = yield* LogRing
        for (const given of ["a/b=1", "req-7", undefined, "not sane"]) {
          const headers: Record<string, string> = given === undefined ? {} : { "x-request-id": given }
          const response = yield* send(1, "break", headers)
          const id = response.headers.get("x-request-id") ?? ""
          if (given === "a/b=1" || given === "req-7") expect(id).toBe(given)
          else expect(id).toMatch(/^[0-9a-f-]{36}$/)
          const { error } = yield* answerOf(response)
          expect(error.message).toContain(`request ${id}.`)
          expect(calls.at(-1)).toBe(id)
          const lines = (yield* ring.query({})).filter((line) => line["request_id"] === id)
          expect(lines.map(({ message }) => message).toSorted()).toEqual([
            "call finished",
            expect.stringContaining("unexpected error")
          ])
        }
      }).pipe(Effect.provide(layer()))
    )
  })
}

it.live("the ids of a batch end with the number of the request", () =>
  Effect.gen(function* () {
    const calls: Array<string> = []
    yield* (yield* Calls).observe({ finished: ({ requestId }) => calls.push(requestId) })
    const url = yield* endpoint
    const session = yield* openSession(url, "2025-03-26")
    const batch = [1, 2].map((id) => request(id, "tools/call", { name: "echo", arguments: { message: "x" } }))
    const response = yield* post(url, batch as never, { ...session, "x-request-id": "both" })
    yield* readJson(response)
    expect(calls.toSorted()).toEqual(["both", "both:1"])
  }).pipe(Effect.provide(layer()))
)
