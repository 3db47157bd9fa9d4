/** Hosts that disagree or are written in another way, as raw requests over TLS: none passes the protection of an application. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { freePort, oauthService } from "../support/oauth.ts"
import { backend, publish } from "../support/proxies.ts"
import { rawOverTls } from "../support/rawHttp.ts"
import { untilCertified } from "../support/tlsEdge.ts"

const statusOf = (text: string) => Number(text.split(" ", 2)[1])
const closed = "closed.example.com"
const upgrade = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
]

it.live("the Host decides which application gets a request, in every form of it", () =>
  Effect.gen(function* () {
    const port = yield* freePort
    const edge = { domains: ["mcp.example.com"], host: "127.0.0.1", https_port: port }
    const { running } = yield* oauthService(yield* sqlite, { edge }, "none")
    const open = yield* backend(() => new Response("open"))
    const secret = yield* backend(() => new Response("secret"))
    yield* Effect.provideContext(
      Effect.all([
        publish({ hostname: "open.example.com", target_url: open.url }),
        publish({ hostname: closed, target_url: secret.url, protect: "read" })
      ]),
      running
    )
    yield* untilCertified(port, ["open.example.com", closed])
    const get = (
      host: string,
      target = "/",
      servername = "open.example.com",
      more: ReadonlyArray<string> = []
    ) =>
      Effect.promise(() => rawOverTls(port, servername, [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...more]))
    expect(yield* get("open.example.com")).toEndWith("open")
    for (const request of [
      get(closed),
      get(closed.toUpperCase()),
      get(`${closed}.`),
      get(`${closed}:${port}`),
      get(`${closed}:80`),
      get(closed, "https://open.example.com/"),
      get(closed, "//open.example.com/"),
      get(closed, "/.well-known/manifold/../../page"),
      get(closed, "/%2e%2e/.well-known/manifold/signed-in/"),
      get(closed, "/", closed, ["X-Forwarded-Host: open.example.com", "Forwarded: host=open.example.com"]),
      get(closed, "/", closed, ["Remote-User: admin", "X-Forwarded-User: admin"]),
      get(closed, "/", closed, ["Cookie: __Host-manifold-session=AAAA"]),
      get(closed, "/", closed, upgrade),
      get("open.example.com", "/", closed, [`Host: ${closed}`]),
      get(`open.example.com, ${closed}`),
      get(`open.example.com@${closed}`),
      get(`${closed}/`)
    ]) {
      const text = yield* request
      expect([400, 401, 421]).toContain(statusOf(text))
      expect(text).not.toContain("secret")
    }
    expect(secret.requests).toEqual([])
    // Routes of the service are no part of an application, and no header turns one into it.
    for (const path of ["/mcp", "/auth/tokens", "/oauth/jwks"]) {
      expect(yield* get("open.example.com", path, "mcp.example.com")).toEndWith("open")
      const text = yield* get("open.example.com", `https://mcp.example.com${path}`)
      expect(text).toEndWith("open")
    }
    const own = yield* get("mcp.example.com", "/auth/tokens", "open.example.com")
    expect(statusOf(own)).toBe(401)
    expect(open.requests).toHaveLength(7)
    expect(statusOf(yield* get("other.example.com"))).toBe(421)
  })
)
