/** The listeners of the edge as clients see them: HTTPS by server name, HSTS, and the redirect from HTTP. */
import { describe, expect } from "bun:test"
import { Context, Effect, Layer } from "effect"
import { saveChallenge } from "../../../layers/edge/certificates/acmeRows.ts"
import { LocalCa } from "../../../layers/edge/certificates/LocalCa.ts"
import { Domains } from "../../../layers/edge/Domains.ts"
import { EdgeListeners } from "../../../layers/edge/EdgeListeners.ts"
import { Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { instance } from "../../support/certificates.ts"
import { possible as hasOpenssl } from "../../support/certificate.ts"
import { curl, possible } from "../../support/curl.ts"
import { sqlite } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"

const common = { maxMessageBytes: 1000, allowedHosts: ["mcp.example.com"], corsOrigins: [] }
const edge = { domains: ["mcp.example.com"], host: "127.0.0.1", https_port: 0, http_port: 0, hsts: "1 day" }

/** The listeners with a route and a site, and the root certificate in a file. */
const openedWith = Effect.fnUntraced(function* (settings: Readonly<Record<string, unknown>>) {
  const storage = yield* sqlite
  const services = yield* Layer.build(
    EdgeListeners.layer(common).pipe(
      Layer.provideMerge(instance(storage, { ...edge, ...settings })),
      Layer.provideMerge(Layer.merge(Routes.layer, Sites.layer))
    )
  )
  yield* Context.get(services, Routes).add({ paths: ["/own"], fetch: () => new Response("own") })
  yield* Context.get(services, Sites).add({
    hosts: ["app.example.com"],
    fetch: ({ url }) => new Response(`app ${new URL(url).pathname}`)
  })
  const { certificate } = yield* Context.get(services, LocalCa).root
  const ca = `${storage.dir}/root.pem`
  yield* Effect.promise(() => Bun.write(ca, certificate))
  const { http = 0, https = 0 } = Context.get(services, EdgeListeners)
  const get = (host: string, path: string, ...options: ReadonlyArray<string>) =>
    curl(
      `https://${host}:${https}${path}`,
      "--cacert",
      ca,
      "--resolve",
      `${host}:${https}:127.0.0.1`,
      ...options
    )
  const getHttp = (host: string, path: string, ...options: ReadonlyArray<string>) =>
    curl(`http://${host}:${http}${path}`, "--resolve", `${host}:${http}:127.0.0.1`, ...options)
  return { services, get, getHttp, https }
})

const opened = openedWith({})

const text = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString()

const openssl = (port: number, ...options: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const child = Bun.spawn(["openssl", "s_client", "-connect", `127.0.0.1:${port}`, ...options], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe"
    })
    return (await new Response(child.stdout).text()) + (await new Response(child.stderr).text())
  })

describe.skipIf(!possible || !hasOpenssl)("The edge", () => {
  it.live("gives unknown server names the certificate of this machine, and rejects TLS 1.1", () =>
    Effect.gen(function* () {
      const { https } = yield* opened
      const subjectOf = (name: string) =>
        Effect.map(
          openssl(https, "-servername", name),
          (output) => /^subject=CN ?= ?(.+)$/m.exec(output)?.[1]
        )
      expect(yield* subjectOf("mcp.example.com")).toBe("mcp.example.com")
      expect(yield* subjectOf("unknown.example.net")).toBe("localhost")
      expect(yield* openssl(https, "-noservername")).toContain("CN = localhost")
      const old = yield* openssl(https, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
      expect(old).toContain("alert protocol version")
      expect(yield* openssl(https, "-tls1_2")).toContain("Protocol  : TLSv1.2")
    })
  )

  it.live("serves routes and sites over HTTP/1.1 and HTTP/2 with certificates of the local CA", () =>
    Effect.gen(function* () {
      const { get, services } = yield* opened
      const own = yield* get("mcp.example.com", "/own", "--http1.1")
      expect([own.version, own.status, text(own)]).toEqual(["1.1", 200, "own"])
      expect(own.headers.get("strict-transport-security")).toBe("max-age=86400")
      expect((yield* get("mcp.example.com", "/own", "--http2")).version).toBe("2")

      // Published while the listener serves: curl fails until the certificate is there.
      yield* Context.get(services, Domains).publish(() => ["app.example.com"])
      const retry = ["--retry", "50", "--retry-all-errors", "--retry-delay", "0"]
      const app = yield* get("app.example.com", "/a", "--http2", ...retry)
      expect([app.version, app.status, text(app)]).toEqual(["2", 200, "app /a"])
      expect(app.headers.get("strict-transport-security")).toBe("max-age=86400")
      const local = yield* get("localhost", "/own")
      expect([local.status, local.headers.has("strict-transport-security")]).toEqual([200, false])
    })
  )

  it.live("redirects to the port that clients reach", () =>
    Effect.gen(function* () {
      const { getHttp } = yield* openedWith({ redirect_port: 443 })
      const moved = yield* getHttp("mcp.example.com", "/a")
      expect(moved.headers.get("location")).toBe("https://mcp.example.com/a")
    })
  )

  it.live("redirects HTTP with 308, keeps path and query, and answers challenges of the database", () =>
    Effect.gen(function* () {
      const { getHttp, https, services } = yield* opened
      const moved = yield* getHttp("mcp.example.com", "/a%20b/c?d=%2F&e", "-d", "body")
      expect(moved.status).toBe(308)
      expect(moved.headers.get("location")).toBe(`https://mcp.example.com:${https}/a%20b/c?d=%2F&e`)
      expect((yield* getHttp("other.example.com", "/")).status).toBe(421)
      expect((yield* getHttp("mcp.example.com", "/", "-H", "Host: a b")).status).toBe(400)

      const path = "/.well-known/acme-challenge/"
      expect((yield* getHttp("mcp.example.com", `${path}unknown`)).status).toBe(404)
      expect((yield* getHttp("mcp.example.com", `${path}%2e%2e%2fown`)).status).toBe(404)
      expect((yield* getHttp("mcp.example.com", `${path}${"a".repeat(129)}`)).status).toBe(404)
      const now = Date.now()
      const challenge = { token: "token_1-a", key_authorization: "token_1-a.thumb", expires_at: now + 60_000 }
      yield* Context.get(services, Sql).write((sql) => saveChallenge(sql, challenge, now))
      const answer = yield* getHttp("mcp.example.com", `${path}token_1-a`)
      expect([answer.status, text(answer)]).toEqual([200, "token_1-a.thumb"])
      expect((yield* getHttp("mcp.example.com", `${path}token_1-a`, "-d", "x")).status).toBe(404)
    })
  )
})
