/** Invalid params: −32602 with the request's id and the path of the member, in every era and on every transport. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import {
  endpoint,
  initialize,
  openSession,
  post,
  readJson,
  request,
  service,
  stateless
} from "../support/service.ts"
import { startStdio } from "../support/stdio.ts"

type Params = Record<string, unknown>

/** Invalid in every protocol era, with the path in the message. */
const everywhere: ReadonlyArray<readonly [method: string, params: Params, path: string]> = [
  ["tools/call", {}, "params.name"],
  ["tools/call", { name: 5 }, "params.name"],
  ["tools/call", { name: "echo", arguments: [1] }, "params.arguments"],
  ["tools/list", { cursor: 5 }, "params.cursor"],
  ["prompts/get", { name: "summarize", arguments: { topic: 1 } }, "params.arguments.topic"],
  ["resources/read", {}, "params.uri"],
  ["completion/complete", {}, "params.ref"],
  ["completion/complete", { ref: { type: "ref/prompt", name: "x" }, argument: {} }, "params.argument.name"]
]
const inSessions: typeof everywhere = [
  ["logging/setLevel", { level: "loud" }, "params.level"],
  ["resources/subscribe", { uri: 1 }, "params.uri"],
  ["ping", { _meta: { progressToken: {} } }, "params._meta.progressToken"]
]

const expectInvalid = (body: unknown, id: number, path: string) => {
  expect(body).toMatchObject({ jsonrpc: "2.0", id, error: { code: -32602 } })
  const { message } = (body as { error: { message: string } }).error
  expect(message).toStartWith(`Invalid params: ${path}`)
  expect(message).not.toMatch(/[\n{[]/)
  expect(message.length).toBeLessThan(300)
}

describe("over streamable HTTP", () => {
  it.live("invalid params in a session are −32602 with the path", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      for (const [id, [method, params, path]] of [...everywhere, ...inSessions].entries()) {
        expectInvalid(yield* readJson(yield* post(url, request(id, method, params), session)), id, path)
      }
    }).pipe(Effect.provide(service()))
  )

  it.live("invalid params without a session are −32602 with the path", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      for (const [id, [method, params, path]] of everywhere.entries()) {
        const { body, headers } = stateless(id, method, params)
        const name = params.name ?? params.uri
        const named = name === undefined ? {} : { "mcp-name": String(name) }
        expectInvalid(yield* readJson(yield* post(url, body, { ...headers, ...named })), id, path)
      }
    }).pipe(Effect.provide(service()))
  )

  it.live("invalid params of the handshake are −32602 with the path", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const handshakes: ReadonlyArray<readonly [Params, string]> = [
        [{}, "params.protocolVersion"],
        [{ protocolVersion: 5 }, "params.protocolVersion"],
        [{ protocolVersion: "2025-06-18", capabilities: 5 }, "params.capabilities"],
        [
          { protocolVersion: "2025-06-18", capabilities: { roots: { listChanged: "yes" } } },
          "params.capabilities.roots"
        ],
        [{ protocolVersion: "2025-06-18", clientInfo: { name: 5, version: "1" } }, "params.clientInfo.name"]
      ]
      for (const [id, [params, path]] of handshakes.entries()) {
        expectInvalid(yield* readJson(yield* post(url, request(id, "initialize", params))), id, path)
      }
    }).pipe(Effect.provide(service()))
  )
})

/** Rejected by the SDK's JSON-RPC schema, and then dropped by the SDK. */
const dropped: (typeof everywhere)[number] = [
  "unknown/method",
  { _meta: { "io.modelcontextprotocol/related-task": 5 } },
  "params._meta"
]

describe("over stdio", () => {
  for (const [era, messageOf] of [
    ["in a session", request],
    [
      "without a session, since 2026-07-28",
      (id: number, method: string, params: Params) => stateless(id, method, params).body
    ]
  ] as const) {
    it.live(`invalid params over stdio are −32602 with the path: ${era}`, () =>
      Effect.gen(function* () {
        const { next, send } = yield* startStdio()
        if (messageOf === request) {
          yield* send(initialize())
          yield* next
        }
        const cases = messageOf === request ? [...everywhere, ...inSessions, dropped] : everywhere
        for (const [id, [method, params, path]] of cases.entries()) {
          yield* send(messageOf(id + 1, method, params))
          expectInvalid(yield* next, id + 1, path)
        }
      }).pipe(Effect.scoped)
    )
  }
})

it.live("null members count as absent in every protocol era", () =>
  Effect.gen(function* () {
    const url = yield* endpoint
    const session = yield* openSession(url)
    const calls: ReadonlyArray<readonly [string, unknown]> = [
      ["tools/list", null],
      ["tools/list", { cursor: null, _meta: null }],
      ["tools/call", { name: "health_check", arguments: null, _meta: { progressToken: null } }]
    ]
    for (const [method, params] of calls) {
      const body = { jsonrpc: "2.0", id: 1, method, params }
      const response = yield* post(url, body, session)
      // The response to a tool that waits is an event stream.
      expect(yield* Effect.promise(() => response.text())).toContain('"result":')
    }
    for (const params of [{ cursor: null }, {}]) {
      const { body, headers } = stateless(1, "tools/list", params, { sampling: null, roots: null })
      expect(yield* readJson(yield* post(url, body, headers))).toHaveProperty("result")
    }
  }).pipe(Effect.provide(service()))
)
