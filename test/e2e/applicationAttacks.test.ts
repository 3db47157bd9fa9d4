/** Attacks between published applications, their clients and the edge: cookies, sessions, redirects, headers and foreign pages. */
import { expect } from "bun:test"
import { createServer } from "node:net"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { Browser, type Send } from "../support/oauth.ts"
import { backend, publish, publishing } from "../support/proxies.ts"
import { dial, header, raw, rawOverTls } from "../support/rawHttp.ts"
import { tlsEdge } from "../support/tlsEdge.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)
const host = "Host: app.example.com"

/** An application that answers each request with these lines of a head. */
const answering = (lines: ReadonlyArray<string>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((socket) => {
          socket.on("error", () => {})
          socket.on("data", () => socket.end([...lines, "Content-Length: 2", "", "ok"].join("\r\n")))
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    ),
    (server) => {
      const address = server.address()
      return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
    }
  )

/** Signs in at the application, and returns the cookie of the session and the address to which the browser is sent. */
const signIn = async (app: string, path: string, send: Send) => {
  const browser = new Browser("alice", `${app}/.well-known/manifold/signed-in`, send)
  const start = await browser.fetch(new URL(app + path))
  const flow = start.headers.getSetCookie()[0]?.split(";")[0] ?? ""
  const back = await browser.authorize(new URL(start.headers.get("location") ?? ""))
  const { headers } = await browser.fetch(back)
  const cookie = headers.getSetCookie()[0]?.split(";")[0] ?? ""
  return { back, cookie, flow, location: headers.get("location") }
}

it.live("an application sets no cookie of the edge, and does not see them", () =>
  Effect.gen(function* () {
    const names = [
      "__Host-manifold-session=a; Path=/; Secure",
      "__host-MANIFOLD-session=a; Path=/; Secure",
      "=__Host-manifold-session=a; Path=/; Secure",
      "  __Host-manifold-flow=a",
      "__Host-manifold-session=; Path=/; Secure; Max-Age=0"
    ]
    const url = yield* answering([
      "HTTP/1.1 200 OK",
      "Set-Cookie: first=1; Domain=example.com",
      ...names.map((cookie) => `Set-Cookie: ${cookie}`),
      "Set-Cookie: last=__Host-manifold-session=a"
    ])
    const { request } = yield* publishing(url)
    expect((yield* wait(request("/"))).headers.getSetCookie()).toEqual([
      "first=1; Domain=example.com",
      "last=__Host-manifold-session=a"
    ])

    const app = yield* backend(() => new Response("ok"))
    const { port } = yield* publishing(app.url)
    const session = "__Host-manifold-session=secret"
    for (const cookies of [
      [`Cookie: a=1; ${session}; b=2`],
      [`Cookie: a=1;${session};b=2`],
      [`Cookie: a=1;\t${session}\t; b=2`],
      ["Cookie: a=1", `Cookie: ${session}`, "Cookie: b=2"],
      [`Cookie: ;; a=1 ;  ${session};b=2;`]
    ]) {
      yield* wait(raw(port, ["GET / HTTP/1.1", host, ...cookies, "", ""].join("\r\n")))
      expect(app.requests.at(-1)?.headers["cookie"]).toBe("a=1; b=2")
    }
    yield* wait(raw(port, ["GET / HTTP/1.1", host, `Cookie: ${session}`, "", ""].join("\r\n")))
    expect(app.requests.at(-1)?.headers).not.toHaveProperty("cookie")
  })
)

it.live(
  "a session of one application is rejected at another and at the service, and a return address stays on its host",
  () =>
    Effect.gen(function* () {
      const { port, publishAll, send } = yield* tlsEdge()
      const target = yield* backend(() => new Response("secret"))
      const protect = "read"
      const target_url = target.url
      const [app = "", other = ""] = yield* publishAll([
        { hostname: "one.example.net", target_url, protect },
        { hostname: "two.example.net", target_url, protect }
      ])
      // A path with two slashes is that of another host in a relative URL.
      const attack = "//evil.example/path"
      const sendRaw: Send = async (to, init) => {
        // `fetch` removes the second slash.
        if (!String(to).endsWith(attack)) return send(to, init)
        const { host: authority, hostname } = new URL(to)
        const lines = [`GET ${attack} HTTP/1.1`, `Host: ${authority}`, "Accept: text/html"]
        const [head = ""] = (await rawOverTls(port, hostname, lines)).split("\r\n\r\n")
        const headers = new Headers()
        for (const line of head.split("\r\n").slice(1)) {
          const colon = line.indexOf(":")
          headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
        }
        return new Response(null, { status: Number(head.slice(9, 12)), headers })
      }
      const { back, cookie, flow, location } = yield* wait(signIn(app, attack, sendRaw))
      expect(location).toBe(`${app}${attack}`)
      expect(cookie).toStartWith("__Host-manifold-session=")
      const statusOf = (url: string, cookies: string) =>
        wait(send(url, { headers: { cookie: cookies } }).then(({ status }) => status))
      expect(yield* statusOf(`${app}/`, cookie)).toBe(200)
      target.requests.length = 0
      const service = `https://a.example.com:${port}`
      for (const url of [`${other}/`, `${service}/mcp`, `${service}/auth/tokens`]) {
        expect([url, yield* statusOf(url, cookie)]).toEqual([url, 401])
      }
      // Nor can the sign-in at one be finished at another.
      const crossed = `${other}${back.pathname}${back.search}`
      expect(yield* statusOf(crossed, flow)).toBe(400)
      expect(target.requests).toEqual([])
    })
)

it.live("pages of other origins cannot use the session for changes and WebSockets", () =>
  Effect.gen(function* () {
    const listed = "https://listed.example.net"
    const { port, publishAll, send } = yield* tlsEdge(undefined, "none", { cors_origins: [listed] })
    const target = yield* backend(
      (request, server) =>
        server.upgrade(request, { data: undefined }) ? undefined : new Response("secret"),
      { message: () => {} }
    )
    const [app = ""] = yield* publishAll([
      { hostname: "app.example.net", target_url: target.url, protect: "read" }
    ])
    const { cookie } = yield* wait(signIn(app, "/", send))
    const evil = { origin: "https://evil.example.net" }
    const statusOf = (method: string, headers: Record<string, string>) =>
      wait(send(`${app}/`, { method, headers: { cookie, ...headers } }).then(({ status }) => status))
    for (const [method, headers, status] of [
      ["POST", evil, 403],
      ["POST", { origin: "null" }, 403],
      ["POST", { origin: app.replace("https", "http") }, 403],
      ["POST", { origin: `${app}1` }, 403],
      ["DELETE", { "sec-fetch-site": "same-site" }, 403],
      ["PUT", { ...evil, "sec-fetch-site": "cross-site" }, 403],
      ["POST", { origin: app }, 200],
      ["POST", { origin: "null", "sec-fetch-site": "same-origin" }, 200],
      ["POST", { origin: listed, "sec-fetch-site": "same-site" }, 200],
      ["POST", {}, 200],
      ["GET", evil, 200]
    ] as const) {
      expect([method, headers, yield* statusOf(method, headers)]).toEqual([method, headers, status])
    }
    const connect = (headers: Record<string, string>) =>
      wait(
        new Promise<boolean>((resolve) => {
          const socket = new WebSocket(`wss://127.0.0.1:${port}/`, {
            headers: { host: new URL(app).host, cookie, ...headers },
            tls: { rejectUnauthorized: false }
          })
          socket.onopen = () => {
            resolve(true)
            socket.terminate()
          }
          socket.onclose = () => resolve(false)
        })
      )
    expect(yield* connect({ origin: app })).toBe(true)
    expect(yield* connect({ origin: listed })).toBe(true)
    expect(yield* connect(evil)).toBe(false)
    expect(yield* connect({ origin: "null" })).toBe(false)
  })
)

it.live(
  "headers that an application cannot distinguish from those of the edge are removed, and Host stays",
  () =>
    Effect.gen(function* () {
      const app = yield* backend(() => new Response("ok"))
      const { port } = yield* publishing(app.url, {
        set_headers: { "x-tenant": "blue" },
        remove_headers: ["x-debug"]
      })
      const lines = [
        "Remote_User: admin",
        "REMOTE.USER: admin",
        "X_Forwarded_For: 203.0.113.1",
        "X_Forwarded-User: admin",
        "X_Real_IP: 203.0.113.1",
        "X_Auth_User: admin",
        "X_Tenant: red",
        "X-Tenant: red",
        "X_Debug: 1",
        "X_Custom: stays",
        "Connection: host, x-forwarded-for, x-tenant, close"
      ]
      yield* wait(raw(port, ["GET / HTTP/1.1", host, ...lines, "", ""].join("\r\n")))
      const headers = app.requests[0]?.headers ?? {}
      expect(headers).toMatchObject({ host: "app.example.com", "x-tenant": "blue", x_custom: "stays" })
      expect(headers["x-forwarded-for"]).toBe("127.0.0.1")
      expect(Object.keys(headers).filter((name) => /[_.]/.test(name))).toEqual(["x_custom"])
      expect(JSON.stringify(headers)).not.toMatch(/admin|203\.0|red/)
    })
)

it.live("a trusted proxy names the client, but not the user of a protected application", () =>
  Effect.gen(function* () {
    const app = yield* backend(() => new Response("ok"))
    const token = "t".repeat(40)
    const { running, port } = yield* publishing(
      app.url,
      { protect: "read" },
      { server: { trusted_proxies: ["127.0.0.1"] }, auth: { tokens: [{ name: "reader", token }] } }
    )
    yield* Effect.provideContext(publish({ hostname: "open.example.com", target_url: app.url }), running)
    const lines = [
      `Authorization: Bearer ${token}`,
      "X-Forwarded-For: 203.0.113.1",
      "X-Forwarded-Proto: https",
      "X-Forwarded-User: admin",
      "X-Forwarded-Groups: admins",
      "X-Auth-Request-Email: admin@example.com",
      "Remote-Groups: admins",
      "Remote_User: admin"
    ]
    const get = (name: string) =>
      wait(raw(port, ["GET / HTTP/1.1", `Host: ${name}`, ...lines, "", ""].join("\r\n")))
    expect((yield* get("app.example.com")).status).toBe(200)
    const seen = app.requests[0]?.headers ?? {}
    expect(seen).toMatchObject({
      "x-forwarded-for": "203.0.113.1, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-user": "reader",
      "remote-user": "reader"
    })
    expect(JSON.stringify(seen)).not.toContain("admin")
    // Without protection, the user is that of the proxy.
    yield* get("open.example.com")
    expect(app.requests[1]?.headers).toMatchObject({ "x-forwarded-user": "admin", "remote-groups": "admins" })
    expect(app.requests[1]?.headers).not.toHaveProperty("remote_user")
  })
)

it.live(
  "an application cannot split its response, nor send the browser elsewhere by a rewritten redirect",
  () =>
    Effect.gen(function* () {
      for (const line of ["X-A: b\rX-Evil: 1", "X-A: b\0c", "X-A : b", "X A: b", "X-A: b\n X-Evil: 1"]) {
        const { request } = yield* publishing(yield* answering(["HTTP/1.1 200 OK", line]))
        const response = yield* wait(request("/"))
        expect([line, response.headers.get("x-evil"), [200, 502].includes(response.status)]).toEqual([
          line,
          null,
          true
        ])
      }
      const app = yield* backend(({ url }) => {
        const { origin, searchParams } = new URL(url)
        return new Response(null, { status: 302, headers: { location: origin + searchParams.get("to") } })
      })
      const { port, request } = yield* publishing(app.url, { preserve_host: false })
      for (const [to, path] of [
        ["/page?a=1", "/page"],
        ["//evil.example/", "//evil.example/"],
        ["/\\evil.example/", "//evil.example/"],
        ["", "/"]
      ] as const) {
        const { headers } = yield* wait(request(`/?to=${encodeURIComponent(to)}`))
        const location = new URL(headers.get("location") ?? "", `http://127.0.0.1:${port}/`)
        expect([location.port, location.pathname]).toEqual([String(port), path])
      }
    })
)

it.live("malformed requests for WebSockets take no slot of the application", () =>
  Effect.gen(function* () {
    const app = yield* backend((request, server) =>
      server.upgrade(request, { data: undefined }) ? undefined : new Response("ok")
    )
    const { port, request } = yield* publishing(app.url, { max_requests: 1 })
    const upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    for (const protocol of ["a, a", "a b", "(", '"a"', "ä"]) {
      const lines = ["GET / HTTP/1.1", host, ...upgrade, key, `Sec-WebSocket-Protocol: ${protocol}`, "", ""]
      const { status } = yield* wait(raw(port, lines.join("\r\n")))
      expect([protocol, status]).toEqual([protocol, 400])
    }
    // Without the fields of a handshake it is an ordinary request.
    for (const lines of [["Upgrade: websocket"], [...upgrade], [...upgrade, "Sec-WebSocket-Key: x"]]) {
      const connection = dial(port)
      connection.write(["GET / HTTP/1.1", host, ...lines, "", ""].join("\r\n"))
      const reply = yield* wait(connection.next())
      expect(reply.status).toBeGreaterThanOrEqual(200)
      expect(header(reply, "upgrade")).toBeUndefined()
      connection.end()
    }
    expect((yield* wait(request("/"))).status).toBe(200)
    expect(yield* wait(request("/").then((response) => response.text()))).toBe("ok")
  })
)
