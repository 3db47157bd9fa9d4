/** The public URL behind trusted proxies: what a client finds and gets there, and what spoofed headers do. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { Browser, callback, connect, oauthService, password, SdkClient, type Send } from "../support/oauth.ts"

const publicUrl = "https://mcp.example.com"
const server = {
  trusted_proxies: ["127.0.0.1"],
  allowed_hosts: ["mcp.example.com", "mcp.example.com:8443", "b.example"]
}
const https = { "x-forwarded-proto": "https" }
const metadataPath = "/.well-known/oauth-authorization-server"
const resourcePath = "/.well-known/oauth-protected-resource"

/** A proxy that ends TLS for every host: it replaces Host, as nginx does by default, and says what it received. */
const behind =
  (service: string): Send =>
  (to, init = {}) => {
    const { host, pathname, search } = new URL(to)
    const headers = new Headers(init.headers)
    for (const [name, value] of Object.entries(https)) headers.set(name, value)
    headers.set("x-forwarded-host", host)
    headers.set("x-forwarded-for", "203.0.113.9")
    return fetch(new URL(pathname + search, service), { ...init, redirect: "manual", headers })
  }

const json = (response: Response) => Effect.promise(() => response.json())
const get = (url: string, headers: Record<string, string> = {}) =>
  Effect.promise(() => fetch(url, { headers, redirect: "manual" }))

it.live("a client behind a trusted proxy connects, with URLs and cookies of the public host", () =>
  Effect.gen(function* () {
    const { accounts, url } = yield* oauthService(yield* sqlite, { server }, "none")
    yield* accounts.add({ name: "alice", password, scopes: ["read", "call"] })
    const send = behind(url)
    const provider = new SdkClient()
    const { client } = yield* connect(publicUrl, provider, new Browser("alice", callback, send), send)
    expect(provider.authorizationUrl?.href).toStartWith(`${publicUrl}/oauth/authorize?`)
    expect(provider.discoveryState()).toMatchObject({
      resourceMetadataUrl: `${publicUrl}${resourcePath}/mcp`,
      authorizationServerUrl: publicUrl
    })
    const called = yield* Effect.promise(() =>
      client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })
    )
    expect(called.structuredContent).toEqual({ result: 5 })
    yield* Effect.promise(() => client.close())
    const started = yield* Effect.promise(() => send(provider.authorizationUrl?.href ?? ""))
    for (const cookie of started.headers.getSetCookie()) expect(cookie).toContain("; secure")
    // A page of the service itself may post, one of another site may not.
    for (const [origin, status] of [
      [publicUrl, 401],
      ["https://evil.example", 403]
    ] as const) {
      const response = yield* Effect.promise(() =>
        send(`${publicUrl}/mcp`, { method: "POST", body: "{}", headers: { origin } })
      )
      expect([origin, response.status]).toEqual([origin, status])
    }
  })
)

it.live("each allowed host is an issuer and a resource with its own URLs", () =>
  Effect.gen(function* () {
    const { url } = yield* oauthService(yield* sqlite, { server }, "none")
    for (const host of ["mcp.example.com", "mcp.example.com:8443", "b.example"]) {
      const issuer = `https://${host}`
      for (const headers of [
        { ...https, "x-forwarded-host": host },
        { forwarded: `for=203.0.113.9;host="${host}";proto=https` }
      ]) {
        const metadata = yield* get(url + metadataPath, headers)
        expect(yield* json(metadata)).toMatchObject({
          issuer,
          token_endpoint: `${issuer}/oauth/token`,
          jwks_uri: `${issuer}/oauth/jwks`
        })
        expect(yield* json(yield* get(`${url}${resourcePath}/mcp`, headers))).toMatchObject({
          resource: `${issuer}/mcp`,
          authorization_servers: [issuer]
        })
        const challenge = (yield* get(`${url}/mcp`, headers)).headers.get("www-authenticate")
        expect(challenge).toContain(`resource_metadata="${issuer}${resourcePath}/mcp"`)
      }
    }
  })
)

const untrusted = { ...server, trusted_proxies: ["10.0.0.0/8"] }
const forwarded = { ...https, "x-forwarded-host": "mcp.example.com" }

for (const [what, settings, headers] of [
  ["no header", server, {}],
  ["an allowed Host without a header of the proxy", server, { host: "mcp.example.com" }],
  ["an allowed Host and the scheme", server, { ...https, host: "mcp.example.com" }],
  ["a host that is not allowed", server, { ...https, "x-forwarded-host": "evil.example" }],
  ["an allowed host with another port", server, { ...https, "x-forwarded-host": "b.example:8443" }],
  ["plain HTTP", server, { "x-forwarded-proto": "http", "x-forwarded-host": "mcp.example.com" }],
  ["contradictory headers", server, { ...forwarded, forwarded: "host=b.example;proto=https" }],
  ["a path prefix", server, { ...forwarded, "x-forwarded-prefix": "/tools" }],
  ["a peer that is not a trusted proxy", untrusted, forwarded],
  ["the same with Forwarded", untrusted, { forwarded: "host=mcp.example.com;proto=https" }],
  [
    "an address that the peer claims to be forwarded by",
    untrusted,
    { ...forwarded, "x-forwarded-for": "10.0.0.1" }
  ],
  ["no trusted proxies", { allowed_hosts: ["mcp.example.com"] }, forwarded]
] as const) {
  it.live(`without a public URL, ${what} gets 503`, () =>
    Effect.gen(function* () {
      const { url } = yield* oauthService(yield* sqlite, { server: settings }, "none")
      for (const path of [metadataPath, `${resourcePath}/mcp`, "/oauth/authorize"]) {
        const response = yield* get(url + path, headers)
        expect(response.status).toBe(503)
        const text = yield* Effect.promise(() => response.text())
        expect(text).toContain("server.public_url")
        expect(text).toContain("server.trusted_proxies")
      }
      const challenge = (yield* get(`${url}/mcp`, headers)).headers.get("www-authenticate")
      expect(challenge).toStartWith("Bearer")
      expect(challenge).not.toContain("resource_metadata")
    })
  )
}

it.live(
  "a configured public URL does not depend on headers; a trusted proxy only chooses among the domains",
  () =>
    Effect.gen(function* () {
      const { url } = yield* oauthService(yield* sqlite, { server }, publicUrl)
      for (const [host, resource] of [
        ["evil.example", publicUrl],
        ["b.example", "https://b.example"]
      ]) {
        const headers = { ...https, "x-forwarded-host": host ?? "" }
        expect(yield* json(yield* get(url + metadataPath, headers))).toMatchObject({ issuer: publicUrl })
        expect(yield* json(yield* get(`${url}${resourcePath}/mcp`, headers))).toMatchObject({
          resource: `${resource}/mcp`,
          authorization_servers: [publicUrl]
        })
      }
    })
)
