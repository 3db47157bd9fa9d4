/** Results that JSON cannot represent: an internal error on every transport, and the next request is served. */
import { describe, expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { it } from "../support/effect.ts"
import {
  endpoint,
  events,
  initialize,
  openSession,
  post,
  readJson,
  request,
  service,
  stateless
} from "../support/service.ts"
import { webSocket } from "../support/webSocket.ts"

/** Nested arrays, deeper than the stack. */
const deep = () => {
  let value: unknown = []
  for (let depth = 0; depth < 40_000; depth++) value = [value]
  return value
}

const bad = { content: [], structured: { deep: deep() } }
const tools = [
  rawTool({ name: "at_once", inputSchema: { type: "object" } }, () => Effect.succeed(bad)),
  rawTool({ name: "later", inputSchema: { type: "object" } }, () => Effect.as(Effect.sleep(20), bad))
]
const layer = () =>
  Layer.effectDiscard(Effect.flatMap(Catalog, (catalog) => catalog.add({ tools }))).pipe(
    Layer.provideMerge(service())
  )

const call = (id: number, name: string) => request(id, "tools/call", { name, arguments: {} })
const error = { id: 1, error: { code: -32603 } }

for (const { name } of tools) {
  describe(`a result of ${name} that JSON cannot represent is an internal error`, () => {
    it.live("in a session", () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        const session = yield* openSession(url)
        const response = yield* post(url, call(1, name), session)
        const message =
          response.headers.get("content-type") === "text/event-stream"
            ? yield* Effect.promise(async () => {
                for await (const { data } of events(response))
                  if (data !== "") return JSON.parse(data) as unknown
                return undefined
              })
            : yield* readJson(response)
        expect(message).toMatchObject(error)
        expect((yield* post(url, call(1, "health_check"), session)).status).toBe(200)
      }).pipe(Effect.provide(layer()))
    )

    it.live("without a session", () =>
      Effect.gen(function* () {
        const { body, headers } = stateless(1, "tools/call", { name, arguments: {} })
        const response = yield* post(yield* endpoint, body, headers)
        expect(yield* Effect.promise(() => response.text())).toContain('"error"')
      }).pipe(Effect.provide(layer()))
    )

    it.live("on a WebSocket", () =>
      Effect.gen(function* () {
        const { next, send } = yield* webSocket(new URL("/mcp/ws", yield* endpoint))
        yield* send(initialize())
        yield* next
        yield* send(call(1, name))
        expect(yield* next).toMatchObject(error)
        yield* send(request(2, "ping"))
        expect(yield* next).toMatchObject({ id: 2, result: {} })
      }).pipe(Effect.provide(layer()))
    )
  })
}
