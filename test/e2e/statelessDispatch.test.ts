/** Stateless requests that are served directly get the responses that the SDK's handler sends. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { Failed } from "../../src/catalog/CatalogError.ts"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { isObject } from "../../src/domain/JsonObject.ts"
import { it } from "../support/effect.ts"
import { endpoint, Held, interrupted, post, service, started, stateless } from "../support/service.ts"

type Params = Record<string, unknown>

/** A reserved member that the SDK ignores, and that leaves the request to its handler. */
const forSdk = { "io.modelcontextprotocol/other": 1 }

/** Without what differs from response to response, and without messages about schemas, which are our own. */
const steady = (text: string) =>
  text
    .replace(/"requestState":"[^"]+"/, '"requestState":""')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "")
    .replaceAll(/(uptime_ms\\?"):\d+/g, "$1:0")
    .replace(/"message":"(Cannot request input|Invalid params: )(?:[^"\\]|\\.)*"/, '"message":"$1"')

/** The message of a page that cannot be visited is our own. */
const withoutSteer = (text: string) =>
  text.replace(/"message":"(URL elicitation|The tool requires)[^"]*"/, '"message":""')

const jsonOf = (text: string): unknown => {
  const messages = text
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line): unknown => JSON.parse(line.slice(6)))
  return messages.length > 0 ? messages : text === "" ? undefined : JSON.parse(text)
}

const send = Effect.fnUntraced(function* (
  method: string,
  params: Params,
  capabilities: object,
  headers: Record<string, string>
) {
  const usual = stateless(1, method, params, capabilities)
  const name = method === "resources/read" ? { "mcp-name": String(params["uri"]) } : {}
  const response = yield* post(yield* endpoint, usual.body, { ...usual.headers, ...name, ...headers })
  const text = yield* Effect.promise(() => response.text())
  return {
    status: response.status,
    type: response.headers.get("content-type")?.split(";")[0],
    retry: response.headers.get("retry-after"),
    message: jsonOf(withoutSteer(steady(text)))
  }
})

/** The same request, served directly and by the SDK's handler. */
const both = Effect.fnUntraced(function* (
  method: string,
  params: Params = {},
  capabilities: object = {},
  headers: Record<string, string> = {}
) {
  const direct = yield* send(method, params, capabilities, headers)
  const meta = { ...(isObject(params["_meta"]) && params["_meta"]), ...forSdk }
  return { direct, sdk: yield* send(method, { ...params, _meta: meta }, capabilities, headers) }
})

/** Codes of upstream servers, some of which 2026-07-28 does not have. */
const codes = [-32_000, -32_002, -32_021, -32_042, -32_602, -32_603, -1]
const failing = codes.map((code) =>
  rawTool({ name: `fails${code}`, inputSchema: { type: "object" } }, () =>
    Effect.fail(new Failed({ name: "fails", detail: "No.", reason: "UpstreamError", code, data: { a: 1 } }))
  )
)
const failures = Layer.effectDiscard(Effect.flatMap(Catalog, (catalog) => catalog.add({ tools: failing })))

const requests: ReadonlyArray<readonly [what: string, ...Parameters<typeof both>]> = [
  ["tools", "tools/list"],
  ["an invalid cursor", "tools/list", { cursor: 1 }],
  ["prompts", "prompts/list"],
  ["resources", "resources/list"],
  ["templates", "resources/templates/list"],
  ["a call", "tools/call", { name: "health_check", arguments: {} }],
  ["a call without arguments", "tools/call", { name: "health_check" }],
  ["a call with wrong arguments", "tools/call", { name: "health_check", arguments: [] }],
  ["a call of an unknown tool", "tools/call", { name: "nothing", arguments: {} }],
  ["a call with invalid values", "tools/call", { name: "web_fetch_url", arguments: { url: 1 } }],
  ["an unknown prompt", "prompts/get", { name: "nothing" }],
  ["an unknown resource", "resources/read", { uri: "nothing://at-all" }],
  ["a completion without a reference", "completion/complete", { argument: { name: "a", value: "" } }],
  [
    "a completion of an unknown prompt",
    "completion/complete",
    { ref: { type: "ref/prompt", name: "nothing" }, argument: { name: "a", value: "" } }
  ],
  ["a call that asks", "tools/call", { name: "ask" }, { elicitation: {} }],
  ["a call that asks a client for what it cannot", "tools/call", { name: "ask" }, {}],
  [
    "a call that asks by form a client with URLs only",
    "tools/call",
    { name: "ask" },
    { elicitation: { url: {} } }
  ]
]

describe("the response is that of the SDK's handler", () => {
  it.live(
    "for every method",
    () =>
      Effect.gen(function* () {
        for (const [what, ...request] of requests) {
          const { direct, sdk } = yield* both(...request)
          expect({ what, ...direct }).toEqual({ what, ...sdk })
        }
      }).pipe(Effect.provide(service())),
    30_000
  )

  it.live("for the errors of upstream servers", () =>
    Effect.gen(function* () {
      for (const { name } of failing) {
        const { direct, sdk } = yield* both("tools/call", { name })
        expect({ name, ...direct }).toEqual({ name, ...sdk })
        expect(direct.message).toHaveProperty("error")
      }
    }).pipe(Effect.provide(failures.pipe(Layer.provideMerge(service()))))
  )

  it.live("for progress and log messages", () =>
    Effect.gen(function* () {
      const held = yield* Held
      yield* Deferred.succeed(held.release, undefined)
      const params = {
        name: "tick",
        _meta: { progressToken: "t", "io.modelcontextprotocol/logLevel": "info" }
      }
      const { direct, sdk } = yield* both("tools/call", params)
      expect(direct.type).toBe("text/event-stream")
      expect(direct.message).toHaveLength(4)
      expect(direct).toEqual(sdk)
    }).pipe(Effect.provide(service()))
  )
})

for (const name of ["wait", "tick"]) {
  it.live(`a client that disconnects interrupts ${name}`, () =>
    Effect.gen(function* () {
      const { body, headers } = stateless(1, "tools/call", { name, _meta: { progressToken: 1 } })
      const url = yield* endpoint
      const call = Effect.gen(function* () {
        const signal = yield* Effect.abortSignal
        const response = yield* post(url, body, headers, signal)
        return yield* Effect.promise(() => response.text())
      }).pipe(Effect.scoped)
      const client = yield* Effect.forkChild(call)
      yield* started
      yield* Fiber.interrupt(client)
      yield* interrupted
    }).pipe(Effect.provide(service()))
  )
}
