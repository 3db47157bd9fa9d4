/** Connections made over REST to servers that require a sign-in. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { it } from "../support/effect.ts"
import { browse, protectedServer, userClient } from "../support/protectedServer.ts"
import { bearer, get, json, send } from "../support/rest.ts"
import { endpoint, service, serviceOf, stateFolder } from "../support/service.ts"

/** Goes through the pages of the authorization server, and ends at the callback of the service. */
const signIn = Effect.fnUntraced(function* (url: string, until?: string) {
  const { origin } = yield* endpoint
  const found = yield* Effect.promise(() => browse(url, "alice", until ?? `${origin}/callback`))
  const callback = new URL(`/callback${found.search}`, origin)
  const page = yield* Effect.promise(() => fetch(callback))
  expect(page.status).toBe(200)
})

const tools = (client_id: unknown) => json(get(`/mcp/list_tools?client_id=${String(client_id)}`))

it.live("a connection waits for the sign-in of its user, and later connections use that sign-in", () =>
  Effect.gen(function* () {
    const server = yield* protectedServer()
    yield* Effect.gen(function* () {
      const request = { transport: "http", mcp_url: server.url, auth_type: "oauth", name: "own" }
      const connected = yield* json(send("/mcp/connect", request))
      expect(connected).toMatchObject({ status: 202, body: { status: "authorization_required" } })
      const { authorization_url, client_id } = connected.body
      const early = yield* tools(client_id)
      expect(early.status).toBe(403)
      expect(String(early.body["detail"])).toContain(String(authorization_url))
      yield* signIn(String(authorization_url))
      const listed = yield* tools(client_id)
      expect(listed).toMatchObject({ status: 200, body: { count: 3 } })
      const called = yield* json(send("/mcp/call_tool", { client_id, tool_name: "whoami", arguments: {} }))
      expect(called.body).toMatchObject({ result: { content: [{ text: "alice" }] } })
      const metadata = yield* json(get(`/mcp/client/${String(client_id)}`))
      expect(metadata.body).toMatchObject({ metadata: { auth_type: "oauth" } })
      const second = yield* json(send("/mcp/connect", { ...request, name: "second" }))
      expect(second).toMatchObject({ status: 201, body: { status: "connected" } })
      yield* send("/mcp/disconnect", { client_id })
      const again = yield* json(send("/mcp/connect", request))
      expect(again.status).toBe(202)
    }).pipe(Effect.provide(service()))
  })
)

it.live("a sign-in that waits during a restart is finished by the next request on its connection", () =>
  Effect.gen(function* () {
    const server = yield* protectedServer()
    const dir = yield* stateFolder
    const layer = serviceOf(() => ConfigSource.layerFrom({ storage: { dir }, logging: { level: "none" } }))
    const begun = yield* Effect.gen(function* () {
      const { origin } = yield* endpoint
      const request = { transport: "http", mcp_url: server.url, auth_type: "oauth", name: "own" }
      const { body } = yield* json(send("/mcp/connect", request))
      return { ...body, callback: `${origin}/callback` }
    }).pipe(Effect.provide(layer, { local: true }))
    const { authorization_url, callback, client_id } = begun as Record<string, unknown>
    yield* Effect.gen(function* () {
      yield* signIn(String(authorization_url), String(callback))
      expect(yield* tools(client_id)).toMatchObject({ status: 200, body: { count: 3 } })
    }).pipe(Effect.provide(layer, { local: true }))
  })
)

it.live("a registered client with explicit endpoints signs in, as the documented request shows", () =>
  Effect.gen(function* () {
    const server = yield* protectedServer()
    yield* Effect.gen(function* () {
      const { authorization_url, client_id } = (yield* json(
        send("/mcp/connect", {
          transport: "http",
          mcp_url: server.url,
          auth_type: "oauth",
          oauth_client_id: userClient.client_id,
          oauth_client_secret: userClient.client_secret,
          oauth_auth_url: `${server.issuer}/auth`,
          oauth_token_url: `${server.issuer}/token`,
          oauth_redirect_uri: userClient.redirect_uri,
          oauth_scopes: ["mcp:read", "mcp:write"]
        })
      )).body
      yield* signIn(String(authorization_url), userClient.redirect_uri)
      const called = yield* json(send("/mcp/call_tool", { client_id, tool_name: "write", arguments: {} }))
      expect(called.body).toMatchObject({ status: "success" })
      expect(server.state.registrations).toBe(0)
    }).pipe(Effect.provide(service()))
  })
)

it.live("a caller gets no URL to sign in for the server that the operator shares", () =>
  Effect.gen(function* () {
    const server = yield* protectedServer()
    const token = "a".repeat(40)
    yield* Effect.gen(function* () {
      const request = { transport: "http", mcp_url: server.url, auth_type: "none" }
      const rejected = yield* json(send("/mcp/connect", request, bearer(token)))
      expect(rejected.status).toBe(502)
      expect(JSON.stringify(rejected.body)).not.toContain(server.issuer)
    }).pipe(
      Effect.provide(
        service({
          mcpServers: { own: { url: server.url } },
          auth: { tokens: [{ name: "one", token, scopes: ["read", "call"] }] }
        })
      )
    )
  })
)

it.live("malformed OAuth fields are rejected", () =>
  Effect.gen(function* () {
    const request = { transport: "http", mcp_url: "http://127.0.0.1:9/mcp", auth_type: "oauth" }
    for (const [wrong, field] of [
      [{ oauth_auth_url: "http://127.0.0.1/a", oauth_client_id: "x" }, "oauth_token_url"],
      [{ oauth_client_secret: "x" }, "oauth_client_id"],
      [{ oauth_redirect_uri: "javascript:alert(1)" }, "oauth_redirect_uri"]
    ] as const) {
      const { body, status } = yield* json(send("/mcp/connect", { ...request, ...wrong }))
      expect(status).toBe(422)
      expect(String(body["detail"])).toContain(field)
    }
  }).pipe(Effect.provide(service()))
)
