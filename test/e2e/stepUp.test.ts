/** Step-up: 403 with the required scopes over HTTP, the JSON-RPC error everywhere else. */
import { describe, expect } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import * as toolkitEntries from "../../src/catalog/toolkitEntries.ts"
import { ToolPolicy } from "../../src/domain/Policy.ts"
import { Principal } from "../../src/domain/Principal.ts"
import * as Service from "../../src/program/httpService.ts"
import { it } from "../support/effect.ts"
import {
  endpoint,
  initialize,
  openSession,
  post,
  readJson,
  request,
  serviceOf,
  stateless
} from "../support/service.ts"
import { webSocket } from "../support/webSocket.ts"

const Wipe = Tool.make("wipe", { success: Schema.String }).annotate(ToolPolicy, { scopes: ["call", "admin"] })
const toolkit = Toolkit.make(Wipe)
const wiping = { toolkit, layer: toolkit.toLayer({ wipe: () => Effect.succeed("done") }) }

const ceiling = ["read", "call", "admin"]

/** `Bearer a+b` grants the scopes a and b, with all scopes as ceiling. */
const authenticating = Layer.succeed(
  Authenticator,
  Authenticator.of({
    required: true,
    authenticate: ({ authorization }) =>
      // Asynchronous, like a lookup in a database.
      Effect.yieldNow.pipe(
        Effect.as({
          credential: authorization ?? "",
          expiresAt: Infinity,
          principal: new Principal({
            subject: "alice",
            clientId: "app",
            scopes: (authorization ?? "").replace("Bearer ", "").split("+"),
            ceiling,
            source: "oauth"
          })
        })
      ),
    failures: () => ({ missing: 0, invalid: 0, expired: 0, throttled: 0 }),
    recheck: () => Effect.void,
    follow: () => () => {},
    requireFor: () => Effect.void
  })
)

const layer = () =>
  toolkitEntries
    .layer(wiping)
    .pipe(
      Layer.provideMerge(
        serviceOf(
          (dir) => ConfigSource.layerFrom({ storage: { dir }, logging: { level: "none" } }),
          Service.layerNoDeps({ port: 0 }).pipe(Layer.provideMerge(authenticating))
        )
      )
    )

const low = { authorization: "Bearer read+call" }
const high = { authorization: "Bearer read+call+admin" }
const error = { code: 403, data: { error_class: "Forbidden", scopes: ["call", "admin"] } }
const challenge = 'Bearer realm="manifold", error="insufficient_scope", scope="mcp:call mcp:admin"'
const wipe = { name: "wipe", arguments: {} }

describe("missing scopes", () => {
  it.live("in a session a missing scope is 403, and the tool runs after a step-up in the same session", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url, "2025-11-25", low)
      const refused = yield* post(url, request(1, "tools/call", wipe), session)
      expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([403, challenge])
      expect(yield* readJson(refused)).toMatchObject({ id: 1, error })
      const allowed = yield* post(url, request(2, "tools/call", wipe), { ...session, ...high })
      expect(yield* readJson(allowed)).toMatchObject({ id: 2, result: { content: [{ text: "done" }] } })
      const lowered = yield* post(url, request(3, "tools/call", wipe), session)
      expect(lowered.status).toBe(403)
    }).pipe(Effect.provide(layer()))
  )

  it.live("without a session a missing scope is 403", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const { body, headers } = stateless(1, "tools/call", wipe)
      const refused = yield* post(url, body, { ...headers, ...low })
      expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([403, challenge])
      expect(yield* readJson(refused)).toMatchObject({ id: 1, error })
      expect((yield* post(url, body, { ...headers, ...high })).status).toBe(200)
    }).pipe(Effect.provide(layer()))
  )

  it.live("on a WebSocket a missing scope is the JSON-RPC error", () =>
    Effect.gen(function* () {
      const { next, send } = yield* webSocket(new URL("/mcp/ws", yield* endpoint), { headers: low })
      yield* send(initialize())
      yield* next
      yield* send(request(1, "tools/call", wipe))
      expect(yield* next).toMatchObject({ id: 1, error })
    }).pipe(Effect.provide(layer()))
  )
})

describe("sessions", () => {
  it.live("a session is bound to the identity of its caller, not to its scopes", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url, "2025-11-25", low)
      expect((yield* post(url, request(1, "tools/list"), { ...session, ...high })).status).toBe(200)
    }).pipe(Effect.provide(layer()))
  )
})
