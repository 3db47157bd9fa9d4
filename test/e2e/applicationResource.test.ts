/** A protected application as a resource of OAuth (RFC 9728): clients find its metadata at its host, and its tokens are for it only. */
import { expect } from "bun:test"
import { Context, Effect, Layer } from "effect"
import { Listener } from "../../layers/http/Listener.ts"
import { it } from "../support/effect.ts"
import { Browser, callback, connect, SdkClient } from "../support/oauth.ts"
import { backend } from "../support/proxies.ts"
import { initialize, service } from "../support/service.ts"
import { tlsEdge } from "../support/tlsEdge.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)
const path = "/.well-known/oauth-protected-resource"
const token = "t".repeat(40)

it.live("a client of the official SDK signs in at an MCP server that is a protected application", () =>
  Effect.gen(function* () {
    const { port, publishAll, send } = yield* tlsEdge()
    const mcp = yield* Layer.build(
      service({ auth: { tokens: [{ name: "edge", token, scopes: ["read", "call"] }] } })
    )
    const inner = `http://127.0.0.1:${Context.get(mcp, Listener).port}`
    const other = yield* backend(() => new Response("secret"))
    const protect = "read"
    const [app = "", second = "", open = ""] = yield* publishAll([
      {
        hostname: "mcp.example.net",
        target_url: inner,
        protect,
        preserve_host: false,
        set_headers: { authorization: `Bearer ${token}` }
      },
      { hostname: "other.example.net", target_url: other.url, protect },
      { hostname: "open.example.net", target_url: other.url }
    ])
    const provider = new SdkClient()
    const { client } = yield* connect(app, provider, new Browser("alice", callback, send), send)
    expect(provider.discoveryState()).toMatchObject({
      resourceMetadataUrl: `${app}${path}`,
      authorizationServerUrl: `https://a.example.com:${port}`
    })
    expect(provider.authorizationUrl?.searchParams.get("resource")).toBe(app)
    const called = yield* wait(client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } }))
    expect(called.structuredContent).toEqual({ result: 5 })
    yield* wait(client.close())

    // Its token is not for another application, nor for the service itself.
    const authorization = `Bearer ${provider.tokens()?.access_token ?? ""}`
    const statusOf = (url: string) =>
      wait(send(url, { headers: { authorization } }).then(({ status }) => status))
    expect(yield* statusOf(`${second}/`)).toBe(401)
    const posted = yield* wait(
      send(`https://a.example.com:${port}/mcp`, {
        method: "POST",
        headers: {
          authorization,
          "content-type": "application/json",
          accept: "application/json, text/event-stream"
        },
        body: JSON.stringify(initialize())
      })
    )
    expect(posted.status).toBe(401)
    expect(other.requests.filter(({ path: requested }) => requested === "/")).toEqual([])
    // Without protection the application has its own credentials.
    expect(yield* statusOf(`${open}/`)).toBe(200)
  })
)

it.live("the metadata of a protected application is that of its host, and others serve their own", () =>
  Effect.gen(function* () {
    const { json, port, publishAll, send } = yield* tlsEdge()
    const own = { resource: "https://internal.example.org" }
    const target = yield* backend(() => Response.json(own))
    const target_url = target.url
    const [app = "", open = ""] = yield* publishAll([
      { hostname: "app.example.net", target_url, protect: "team:blue" },
      { hostname: "open.example.net", target_url }
    ])
    target.requests.length = 0
    const metadata = {
      resource: app,
      authorization_servers: [`https://a.example.com:${port}`],
      scopes_supported: ["team:blue"],
      bearer_methods_supported: ["header"],
      resource_name: `app.example.net:${port}`
    }
    expect(yield* json(`${app}${path}`)).toMatchObject(metadata)
    // Neither another spelling of the host nor headers of callers change it.
    for (const headers of [
      { host: `APP.example.net:${port}` },
      { "x-forwarded-host": "evil.example", "x-forwarded-proto": "http", forwarded: "host=evil.example" }
    ]) {
      expect(yield* json(`${app}${path}`, headers)).toMatchObject(metadata)
    }
    const challenge = `, resource_metadata="${app}${path}", scope="team:blue"`
    for (const [headers, begin] of [
      [{}, 'Bearer realm="manifold"'],
      [{ authorization: "Bearer x" }, 'Bearer realm="manifold", error="invalid_token"'],
      [{ authorization: "DPoP x" }, "DPoP realm="]
    ] as const) {
      const { headers: received, status } = yield* wait(send(`${app}/page`, { headers }))
      const given = received.get("www-authenticate") ?? ""
      expect([status, given.startsWith(begin), given.endsWith(challenge)]).toEqual([401, true, true])
    }
    const below = yield* wait(send(`${app}${path}/mcp`))
    const posted = yield* wait(send(`${app}${path}`, { method: "POST" }))
    expect([below.status, posted.status, target.requests]).toEqual([404, 401, []])

    expect(yield* json(`${open}${path}`)).toEqual(own)
    expect(yield* json(`${open}${path}/mcp`)).toEqual(own)
  })
)
