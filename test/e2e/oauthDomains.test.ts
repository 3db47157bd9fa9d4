/** Domains of `edge.domains` over the HTTPS listener of the edge: each is an issuer and a resource without `server.public_url`. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { Browser, callback, connect, manualClient, SdkClient } from "../support/oauth.ts"
import { backend } from "../support/proxies.ts"
import { initialize } from "../support/service.ts"
import { tlsEdge } from "../support/tlsEdge.ts"

const domains = ["a.example.com", "b.example.com"]
const metadataPath = "/.well-known/oauth-authorization-server"
const resourcePath = "/.well-known/oauth-protected-resource"

const served = (publicUrl: string, server: Record<string, unknown> = {}) =>
  tlsEdge(domains, publicUrl, server)

it.live("a client discovers, signs in and calls on each domain, with URLs of that domain", () =>
  Effect.gen(function* () {
    const { json, port, send } = yield* served("none")
    const tokens: Array<string> = []
    for (const domain of domains) {
      const base = `https://${domain}:${port}`
      const provider = new SdkClient()
      const { client } = yield* connect(base, provider, new Browser("alice", callback, send), send)
      expect(provider.authorizationUrl?.href).toStartWith(`${base}/oauth/authorize?`)
      expect(provider.discoveryState()).toMatchObject({
        resourceMetadataUrl: `${base}${resourcePath}/mcp`,
        authorizationServerUrl: base
      })
      const called = yield* Effect.promise(() =>
        client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })
      )
      expect(called.structuredContent).toEqual({ result: 5 })
      yield* Effect.promise(() => client.close())
      tokens.push(provider.tokens()?.access_token ?? "")
    }
    const statusOf = (to: string, token: string) =>
      Effect.promise(async () => {
        const headers = {
          authorization: `Bearer ${token}`,
          accept: "application/json, text/event-stream",
          "content-type": "application/json"
        }
        return (await send(to, { method: "POST", headers, body: JSON.stringify(initialize()) })).status
      })
    // A resource is a path of the service: the same one on another domain, but no other one.
    const [ofA = "", ofB = ""] = tokens
    for (const [token, domain] of [
      [ofA, "b.example.com"],
      [ofB, "a.example.com"]
    ]) {
      const base = `https://${domain}:${port}`
      expect(yield* statusOf(`${base}/mcp`, token ?? "")).toBe(200)
      expect(yield* statusOf(`${base}/chat`, token ?? "")).toBe(401)
    }
    // 443 of a router or container is another issuer, without a port.
    for (const host of ["a.example.com", "a.example.com:443"]) {
      expect(yield* json(`https://a.example.com${metadataPath}`, { host })).toMatchObject({
        issuer: "https://a.example.com",
        token_endpoint: "https://a.example.com/oauth/token"
      })
    }
  })
)

it.live("a domain over TLS has its own issuer, also beside a public URL", () =>
  Effect.gen(function* () {
    const { json, port, url } = yield* served("https://mcp.example.com/tools")
    expect(yield* json(`https://b.example.com:${port}${resourcePath}/mcp`)).toMatchObject({
      resource: `https://b.example.com:${port}/mcp`,
      authorization_servers: [`https://b.example.com:${port}`]
    })
    const plain = yield* Effect.promise(async (): Promise<unknown> =>
      (await fetch(url + metadataPath)).json()
    )
    expect(plain).toMatchObject({ issuer: "https://mcp.example.com/tools" })
  })
)

it.live("hosts that are not reached over TLS, and headers of callers, give no issuer", () =>
  Effect.gen(function* () {
    const { port, send, url } = yield* served("none", { allowed_hosts: ["c.example.com"] })
    const base = `https://a.example.com:${port}`
    const forged = { "x-forwarded-host": "b.example.com", "x-forwarded-proto": "https" }
    const known = yield* Effect.promise(async (): Promise<unknown> =>
      (await send(base + metadataPath, { headers: { ...forged, forwarded: "host=b.example.com" } })).json()
    )
    expect(known).toMatchObject({ issuer: base })
    for (const [where, request] of [
      ["plain HTTP", () => fetch(url + metadataPath, { headers: { host: "a.example.com", ...forged } })],
      ["another port", () => send(`https://a.example.com:${port + 1}${metadataPath}`)],
      ["a path prefix", () => send(base + metadataPath, { headers: { "x-forwarded-prefix": "/tools" } })],
      ["a loopback name", () => send(`https://localhost:${port}${metadataPath}`)]
    ] as const) {
      const { status } = yield* Effect.promise(request)
      expect([where, status]).toEqual([where, 503])
    }
  })
)

it.live("a browser signs in at the first domain for a protected application, and sees it", () =>
  Effect.gen(function* () {
    const { port, publishAll, send } = yield* served("none")
    const target = yield* backend(() => new Response("secret page"))
    const [app = ""] = yield* publishAll([
      { hostname: "app.example.com", target_url: target.url, protect: "read" }
    ])
    const browser = new Browser("alice", `${app}/.well-known/manifold/signed-in`, send)
    const start = yield* Effect.promise(() => browser.fetch(new URL("/page", app)))
    const authorize = new URL(start.headers.get("location") ?? "")
    expect(authorize.origin).toBe(`https://a.example.com:${port}`)
    const back = yield* Effect.promise(() => browser.authorize(authorize))
    const { response, text } = yield* Effect.promise(() => new Browser("alice", "none:", send).open(back))
    // Another browser cannot finish the sign-in.
    expect([response.status, text.includes("secret page")]).toEqual([400, false])
    const page = yield* Effect.promise(async () => {
      const { headers } = await browser.fetch(back)
      return (await browser.fetch(new URL(headers.get("location") ?? "", app))).text()
    })
    expect(page).toBe("secret page")
  })
)

it.live("another host of the domain cannot replace the session of a browser at the OAuth server", () =>
  Effect.gen(function* () {
    const { port, send } = yield* served("none")
    const account = new URL(`https://a.example.com:${port}/oauth/account`)
    const set: Array<string> = []
    const browser = new Browser("alice", "none:", async (to, init) => {
      const response = await send(to, init)
      set.push(...response.headers.getSetCookie())
      return response
    })
    const { text } = yield* Effect.promise(() => browser.open(account))
    yield* Effect.promise(() => browser.answer(account, text))
    const sessions = set.filter((cookie) => cookie.includes("manifold_session"))
    expect(sessions.length).toBeGreaterThanOrEqual(2)
    // Browsers accept such a cookie from this host only, and not with a Domain.
    for (const cookie of sessions) {
      expect(cookie).toMatch(/^__Host-manifold_session(?:\.sig)?=/)
      expect(cookie).toMatch(/; path=\/;/)
      expect(cookie).toMatch(/; secure/)
      expect(cookie).not.toMatch(/domain=/i)
    }
    const pageWith = (cookies: ReadonlyArray<string>) =>
      Effect.promise(async () => {
        const headers = { cookie: cookies.map((each) => each.split(";")[0]).join("; "), accept: "text/html" }
        return (await send(account, { headers })).text()
      })
    expect(yield* pageWith(sessions)).toContain("alice")
    // The session of another person, as another host can set it.
    expect(yield* pageWith(sessions.map((each) => each.replace("__Host-", "")))).toContain("password")
  })
)

it.live("a sign-in ends in the browser in which it was finished, whatever cookies another host sets", () =>
  Effect.gen(function* () {
    const { port, send } = yield* served("none")
    const base = `https://a.example.com:${port}`
    const { authorizeUrl } = yield* manualClient(base, {}, {}, send)
    const set: Array<string> = []
    const mallory = new Browser("alice", callback, async (to, init) => {
      const response = await send(to, init)
      set.push(...response.headers.getSetCookie().map((cookie) => cookie.split(";")[0] ?? ""))
      return response
    })
    const page = yield* Effect.promise(() => mallory.open(authorizeUrl))
    const finished = yield* Effect.promise(() => mallory.answer(page.url, page.text))
    const end = finished.headers.get("location") ?? ""
    expect(end).toStartWith(`${base}/oauth/authorize/`)
    // All that another host of the domain can set in the browser of a victim.
    const cookies = set.filter((cookie) => !cookie.startsWith("__Host-"))
    expect(cookies.some((cookie) => cookie.startsWith("manifold_resume="))).toBe(true)
    const victim = yield* Effect.promise(() =>
      send(end, { headers: { cookie: cookies.join("; "), accept: "text/html" } })
    )
    expect([victim.status, victim.headers.getSetCookie()]).toEqual([400, []])
    expect(yield* Effect.promise(() => victim.text())).toContain("not finished in this browser")
    const back = yield* Effect.promise(() => mallory.authorize(new URL(end)))
    expect(back.searchParams.get("code")).not.toBeNull()
  })
)
