/** Resources that take access tokens: challenges, metadata, audiences, step-up, and revocation of open sessions. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { onEachDatabase, sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import {
  Browser,
  callback,
  connect,
  form,
  manualClient,
  password,
  SdkClient,
  tokensOf,
  withAlice
} from "../support/oauth.ts"
import { initialize, openSession, post, request } from "../support/service.ts"

const get = (url: string, headers: Record<string, string> = {}) =>
  Effect.promise(() => fetch(url, { headers }))
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

it.live("challenges name the metadata of the resource and the scopes of a first token", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite, {
      server: { allowed_hosts: ["mcp.example.com"] },
      edge: { domains: ["edge.example.com"] }
    })
    for (const [path, metadata] of [
      ["/mcp", "/mcp"],
      ["/mcp/", "/mcp"],
      ["/mcp/sse", "/mcp/sse"],
      ["/usage", ""]
    ]) {
      const response = yield* get(`${base}${path}`, { accept: "text/event-stream" })
      expect(response.status).toBe(401)
      const challenge = response.headers.get("www-authenticate") ?? ""
      expect(challenge).toContain(
        `resource_metadata="${base}/.well-known/oauth-protected-resource${metadata}"`
      )
      expect(challenge).toContain('scope="mcp:read mcp:call"')
      expect(challenge).not.toContain("error=")
      const found = yield* get(`${base}/.well-known/oauth-protected-resource${metadata}`)
      expect(yield* Effect.promise(() => found.json())).toMatchObject({
        resource: `${base}${metadata}`,
        authorization_servers: [base],
        scopes_supported: ["mcp:read", "mcp:call", "mcp:admin"],
        bearer_methods_supported: ["header"]
      })
    }
    // Another configured domain is a resource with its name; an unknown Host is rejected.
    for (const host of ["mcp.example.com", "edge.example.com"]) {
      const other = yield* get(`${base}/.well-known/oauth-protected-resource/mcp`, { host })
      expect(yield* Effect.promise(() => other.json())).toMatchObject({
        resource: `http://${host}/mcp`,
        authorization_servers: [base]
      })
      const challenged = yield* get(`${base}/mcp`, { host, origin: `http://${host}` })
      expect(challenged.status).toBe(401)
      expect(challenged.headers.get("www-authenticate")).toContain(
        `resource_metadata="http://${host}/.well-known/oauth-protected-resource/mcp"`
      )
    }
    const evil = yield* get(`${base}/.well-known/oauth-protected-resource/mcp`, { host: "evil.example" })
    expect(evil.status).toBe(421)
    expect((yield* get(`${base}/.well-known/oauth-protected-resource/other`)).status).toBe(404)
  })
)

it.live("metadata of the server, in the forms of RFC 8414 and of OpenID Connect", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    for (const path of ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]) {
      const response = yield* get(`${base}${path}`)
      expect(yield* Effect.promise(() => response.json())).toMatchObject({
        issuer: base,
        authorization_endpoint: `${base}/oauth/authorize`,
        token_endpoint: `${base}/oauth/token`,
        registration_endpoint: `${base}/oauth/register`,
        revocation_endpoint: `${base}/oauth/revoke`,
        introspection_endpoint: `${base}/oauth/introspect`,
        jwks_uri: `${base}/oauth/jwks`,
        code_challenge_methods_supported: ["S256"],
        response_types_supported: ["code"],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true
      })
    }
    const keys = yield* get(`${base}/oauth/jwks`)
    const { keys: published } = (yield* Effect.promise(() => keys.json())) as {
      readonly keys: ReadonlyArray<Record<string, unknown>>
    }
    expect(published).toHaveLength(1)
    expect(published[0]).not.toHaveProperty("d")
  })
)

it.live(
  "a token of one resource is rejected at the others, and so are tokens in the URL and malformed ones",
  () =>
    Effect.gen(function* () {
      const { base } = yield* withAlice(sqlite)
      const { access_token: token } = yield* tokensOf(base)
      const at = (path: string, headers = bearer(token)) =>
        Effect.map(get(`${base}${path}`, { accept: "text/event-stream", ...headers }), ({ status }) => status)
      expect((yield* post(new URL("/mcp", base), initialize(), bearer(token))).status).toBe(200)
      for (const path of ["/usage", "/mcp/sse", "/mcp/ws", "/ws/chat"]) expect(yield* at(path)).toBe(401)
      const inUrl = yield* post(new URL(`/mcp?access_token=${token}`, base), initialize())
      expect(inUrl.status).toBe(401)
      for (const wrong of [token.slice(1), `${token}x`, token.replace(/.$/, "."), `${token} ${token}`, "é"]) {
        const headers = { authorization: `Bearer ${Buffer.from(wrong).toString("latin1")}` }
        const response = yield* post(new URL("/mcp", base), initialize(), headers)
        expect(response.status).toBe(401)
      }
    })
)

it.live("a tool beyond the scopes answers 403 with the scope that is missing, and a step-up obtains it", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const provider = new SdkClient()
    const browser = new Browser()
    const { client } = yield* connect(base, provider, browser)
    const tools = yield* Effect.promise(() => client.listTools())
    expect(tools.tools.map(({ name }) => name)).toContain("get_logs")
    const token = provider.tokens()?.access_token ?? ""
    const session = yield* openSession(new URL("/mcp", base), "2025-11-25", bearer(token))
    const call = request(2, "tools/call", { name: "get_logs", arguments: {} })
    const refused = yield* post(new URL("/mcp", base), call, session)
    expect(refused.status).toBe(403)
    const challenge = refused.headers.get("www-authenticate") ?? ""
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toMatch(/scope="[^"]*mcp:admin/)
    expect(challenge).toContain(`resource_metadata="${base}/.well-known/oauth-protected-resource/mcp"`)

    const up = yield* tokensOf(base, { scope: "mcp:read mcp:call mcp:admin", browser })
    expect(up.scope).toBe("mcp:read mcp:call mcp:admin")
    const allowed = yield* openSession(new URL("/mcp", base), "2025-11-25", bearer(up.access_token))
    expect((yield* post(new URL("/mcp", base), call, allowed)).status).toBe(200)
  })
)

it.live("an account without a scope does not get it, and consent says so", () =>
  Effect.gen(function* () {
    const { accounts, base } = yield* withAlice(sqlite)
    yield* accounts.add({ name: "bob", password, scopes: ["read"] })
    const { scope } = yield* tokensOf(base, {
      scope: "mcp:read mcp:call mcp:admin",
      browser: new Browser("bob")
    })
    expect(scope).toBe("mcp:read")
  })
)

it.live("an open session follows the scopes of the account", () =>
  Effect.gen(function* () {
    const { accounts, base } = yield* withAlice(sqlite)
    const { access_token } = yield* tokensOf(base, { scope: "mcp:read mcp:call mcp:admin" })
    const session = yield* openSession(new URL("/mcp", base), "2025-11-25", bearer(access_token))
    const call = post(
      new URL("/mcp", base),
      request(2, "tools/call", { name: "get_logs", arguments: {} }),
      session
    )
    const text = Effect.flatMap(call, (response) => Effect.promise(() => response.text()))
    expect(yield* text).not.toContain("Unknown tool")
    yield* accounts.setScopes("alice", ["read", "call"])
    // Not offered for a step-up either: the account cannot grant it.
    yield* Effect.repeat(text, { until: (found) => found.includes("Unknown tool: get_logs") })
    yield* accounts.setScopes("alice", ["read", "call", "admin"])
    yield* Effect.repeat(text, { until: (found) => !found.includes("Unknown tool") })
  })
)

it.live("a person uses another account on the consent page, which then stays signed in", () =>
  Effect.gen(function* () {
    const { accounts, base } = yield* withAlice(sqlite)
    yield* accounts.add({ name: "bob", password, scopes: ["read"] })
    const { authorizeUrl, clientId, verifier } = yield* manualClient(base)
    const browser = new Browser()
    const signIn = yield* Effect.promise(() => browser.open(authorizeUrl))
    const signed = yield* Effect.promise(() => browser.answer(signIn.url, signIn.text))
    const consent = yield* Effect.promise(() =>
      browser.open(new URL(signed.headers.get("location") ?? "", base))
    )
    expect(consent.text).toContain("You are signed in as <strong>alice</strong>")
    const switched = yield* Effect.promise(() => browser.post(consent.url, { decision: "switch" }))
    const again = yield* Effect.promise(() =>
      browser.open(new URL(switched.headers.get("location") ?? "", base))
    )
    expect(again.text).toContain('name="password"')
    const asBob = yield* Effect.promise(() =>
      browser.post(again.url, { decision: "sign-in", account: "bob", password })
    )
    const other = yield* Effect.promise(() =>
      browser.open(new URL(asBob.headers.get("location") ?? "", base))
    )
    expect(other.text).toContain("You are signed in as <strong>bob</strong>")
    const back = yield* Effect.promise(() => browser.authorize(other.url))
    expect(back.searchParams.get("state")).toBe("state")
    const { body } = yield* form(`${base}/oauth/token`, {
      grant_type: "authorization_code",
      code: back.searchParams.get("code") ?? "",
      code_verifier: verifier,
      client_id: clientId,
      redirect_uri: callback
    })
    expect(body.scope).toBe("mcp:read")
    const next = yield* Effect.promise(() => browser.open(authorizeUrl))
    expect(next.text).toContain("You are signed in as <strong>bob</strong>")
  })
)

onEachDatabase("revocation of access", (database) => {
  for (const [how, by] of [
    ["revoking the token", "revoke"],
    ["removing the account", "remove"],
    ["changing the password", "passwd"]
  ] as const) {
    it.live(`${how} ends an open stream within a second, and the token`, () =>
      Effect.gen(function* () {
        const { accounts, base } = yield* withAlice(database)
        const { access_token, client_id } = yield* tokensOf(base)
        const url = new URL("/mcp", base)
        const session = yield* openSession(url, "2025-11-25", bearer(access_token))
        const stream = yield* get(url.href, { ...session, accept: "text/event-stream" })
        expect(stream.status).toBe(200)
        const began = performance.now()
        if (by === "revoke") {
          yield* form(`${base}/oauth/revoke`, { token: access_token, client_id })
          // On this instance at once.
          expect((yield* post(url, initialize(), bearer(access_token))).status).toBe(401)
        }
        if (by === "remove") yield* accounts.remove("alice")
        if (by === "passwd") yield* accounts.setPassword("alice", `another ${password}`)
        const acted = performance.now()
        yield* Effect.promise(() => stream.text().catch(() => ""))
        expect(performance.now() - acted).toBeLessThan(1000)
        expect(performance.now() - began).toBeLessThan(3000)
        expect((yield* post(url, initialize(), bearer(access_token))).status).toBe(401)
      })
    )
  }
})

it.live("a client sees and revokes its own tokens only", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const { access_token } = yield* tokensOf(base)
    const { clientId: other } = yield* manualClient(base, {}, { client_name: "Other" })
    const seen = yield* form(`${base}/oauth/introspect`, { token: access_token, client_id: other })
    expect(seen.body).toEqual({ active: false })
    yield* form(`${base}/oauth/revoke`, { token: access_token, client_id: other })
    expect((yield* post(new URL("/mcp", base), initialize(), bearer(access_token))).status).toBe(200)
  })
)
