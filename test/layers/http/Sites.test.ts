/** Sites by host: exact, wildcard and default; removed with their scope; without the checks of routes. */
import { describe, expect } from "bun:test"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Listener } from "../../../layers/http/Listener.ts"
import type { ListenerOptions } from "../../../layers/http/ListenerOptions.ts"
import { Routes } from "../../../layers/http/Routes.ts"
import { type Site, Sites } from "../../../layers/http/Sites.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { it } from "../../support/effect.ts"
import { defaults } from "../../support/listener.ts"
import { header, raw } from "../../support/rawHttp.ts"
import { closeCode, frame, frames, rawSocket } from "../../support/rawWebSocket.ts"

/** A listener with the route `/` (`default`), and its sites. */
const running = Effect.fnUntraced(function* (options: Partial<ListenerOptions> = {}) {
  const context = yield* Layer.build(
    Listener.layer({ ...defaults, ...options }).pipe(
      Layer.provideMerge(Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer))
    )
  )
  yield* Context.get(context, Routes).add({ paths: ["/"], fetch: () => new Response("default") })
  return { ...Context.get(context, Listener), sites: Context.get(context, Sites), context }
})

const named = (name: string, ...hosts: ReadonlyArray<string>): Site => ({
  hosts,
  fetch: () => new Response(name)
})

const get = (port: number, host: string, more = "", path = "/") =>
  Effect.promise(() => raw(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`))
const post = (port: number, host: string, lines: string, body: string) =>
  Effect.promise(() => raw(port, `POST / HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n\r\n${body}`))

describe("the site of a request", () => {
  it.live(
    "is missing for an unknown host, and the response says what an administrator can do, for browsers as a page",
    () =>
      Effect.gen(function* () {
        const { port } = yield* running()
        const advice =
          "An administrator can publish an application under it (create_proxy), or add it to edge.domains or server.allowed_hosts."
        for (const [accept, type, text] of [
          [
            "text/html,*/*;q=0.8",
            "text/html; charset=utf-8",
            `<h1>Host not served here</h1><p>${advice}</p>`
          ],
          ["*/*", "application/json;charset=utf-8", `"message":"Host not served here. ${advice}"`],
          ["text/html;q=0, */*", "application/json;charset=utf-8", "Host not served here."]
        ] as const) {
          const response = yield* get(port, "unknown.example.com", `Accept: ${accept}\r\n`)
          expect([accept, response.status, header(response, "content-type")]).toEqual([accept, 421, type])
          expect(response.body).toContain(text)
          expect(response.body).not.toContain("unknown.example.com")
        }
      })
  )

  it.live("is the exact host, then the longest wildcard, then the routes", () =>
    Effect.gen(function* () {
      const { port, sites } = yield* running()
      yield* sites.add(named("exact", "app.example.com", "Other.Example.com."))
      yield* sites.add(named("wide", "*.example.com"))
      yield* sites.add(named("narrow", "*.b.example.com"))
      for (const [host, expected] of [
        ["app.example.com", "exact"],
        ["APP.example.com:8443", "exact"],
        ["app.example.com.", "exact"],
        ["other.example.com", "exact"],
        ["x.example.com", "wide"],
        ["x.app.example.com", "wide"],
        ["b.example.com", "wide"],
        ["a.b.example.com", "narrow"],
        ["x.a.b.example.com", "narrow"],
        ["127.0.0.1", "default"]
      ] as const) {
        expect([host, (yield* get(port, host)).body]).toEqual([host, expected])
      }
      for (const [host, status] of [
        ["example.com", 421],
        ["xexample.com", 421],
        ["app.example.com.evil.test", 421],
        ["app.example.com/x", 400],
        ["u@app.example.com", 400],
        ["app.example.com, x", 400]
      ] as const) {
        expect([host, (yield* get(port, host)).status]).toEqual([host, status])
      }
    })
  )

  it.live("is served while its scope is open, and its host is free afterwards", () =>
    Effect.gen(function* () {
      const { port, sites } = yield* running()
      const status = Effect.map(get(port, "app.example.com"), (reply) => reply.status)
      expect(yield* status).toBe(421)
      const scope = yield* Scope.make()
      yield* Scope.provide(sites.add(named("first", "app.example.com", "*.app.example.com")), scope)
      expect(yield* status).toBe(200)
      yield* Scope.close(scope, Exit.void)
      expect(yield* status).toBe(421)
      expect((yield* get(port, "x.app.example.com")).status).toBe(421)
      yield* sites.add(named("second", "app.example.com"))
      expect((yield* get(port, "app.example.com")).body).toBe("second")
    })
  )

  it.effect("with a taken or malformed host is not added, and the error has a hint", () =>
    Effect.gen(function* () {
      const sites = yield* Sites
      yield* sites.add(named("first", "a.example.com", "*.example.com"))
      for (const host of ["A.example.com", "a.example.com.", "*.EXAMPLE.com"]) {
        const error = yield* Effect.flip(sites.add(named("second", "free.test", host)))
        expect([host, error.reason]).toEqual([host, "taken"])
        expect(error.message).toContain(error.host)
      }
      expect((yield* Effect.flip(sites.add(named("twice", "c.test", "C.test")))).reason).toBe("taken")
      for (const host of [
        "",
        "*",
        "*.",
        "https://a.test",
        "a.test:8443",
        "a.test/x",
        "a.*.test",
        "**.test"
      ]) {
        const error = yield* Effect.flip(sites.add(named("second", host)))
        expect([host, error.reason]).toEqual([host, "malformed"])
      }
      expect(sites.findUnsafe("free.test")).toBeUndefined()
      expect(sites.findUnsafe("a.example.com")?.hosts).toEqual(["a.example.com", "*.example.com"])
    }).pipe(Effect.provide(Sites.layer))
  )
})

describe("a raw site", () => {
  it.live("has no Origin check, CORS, security headers or compression of the listener", () =>
    Effect.gen(function* () {
      const { port, sites } = yield* running({ corsOrigins: ["https://listed.test"] })
      const seen: Array<string> = []
      const body = JSON.stringify({ text: "a".repeat(5000) })
      yield* sites.add({
        hosts: ["app.example.com"],
        fetch: (request, connection) => {
          seen.push(`${request.method} ${connection.loopback}`)
          return new Response(body, { headers: { "content-type": "application/json" } })
        }
      })
      for (const lines of [
        "Origin: https://evil.test\r\n",
        "Origin: https://listed.test\r\n",
        "Origin: null\r\nAccept-Encoding: gzip\r\n"
      ]) {
        const reply = yield* get(port, "app.example.com", lines, "/any/path")
        expect([lines, reply.status, reply.body.length]).toEqual([lines, 200, body.length])
        for (const name of [
          "access-control-allow-origin",
          "content-encoding",
          "content-security-policy",
          "x-content-type-options",
          "cache-control",
          "vary"
        ]) {
          expect([name, header(reply, name)]).toEqual([name, undefined])
        }
        expect(header(reply, "x-request-id")).toBeDefined()
      }
      const preflight = yield* Effect.promise(() =>
        raw(
          port,
          "OPTIONS / HTTP/1.1\r\nHost: app.example.com\r\nOrigin: https://evil.test\r\nAccess-Control-Request-Method: POST\r\n\r\n"
        )
      )
      expect(preflight.status).toBe(200)
      expect(seen).toEqual(["GET false", "GET false", "GET false", "OPTIONS false"])
    })
  )

  it.live("differs from other sites, which have security headers and compression", () =>
    Effect.gen(function* () {
      const { port, sites } = yield* running()
      yield* sites.add({
        hosts: ["app.example.com"],
        raw: false,
        fetch: () => Response.json({ text: "a".repeat(5000) })
      })
      const reply = yield* get(port, "app.example.com", "Accept-Encoding: gzip\r\n")
      expect(header(reply, "content-encoding")).toBe("gzip")
      expect(header(reply, "x-content-type-options")).toBe("nosniff")
    })
  )

  it.live("may pass on the response of another server unchanged", () =>
    Effect.gen(function* () {
      const upstream = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.serve({ port: 0, fetch: () => new Response("from upstream", { headers: { "x-up": "1" } }) })
        ),
        (server) => Effect.promise(() => server.stop(true))
      )
      const { port, sites } = yield* running()
      yield* sites.add({ hosts: ["app.example.com"], fetch: () => fetch(upstream.url) })
      const reply = yield* get(port, "app.example.com")
      expect([reply.status, header(reply, "x-up"), reply.body]).toEqual([200, "1", "from upstream"])
    })
  )

  it.live("that throws is 500", () =>
    Effect.gen(function* () {
      const { port, sites } = yield* running()
      yield* sites.add({ hosts: ["app.example.com"], fetch: () => Promise.reject(new Error("secret")) })
      const reply = yield* get(port, "app.example.com")
      expect(reply.status).toBe(500)
      expect(reply.body).toContain(header(reply, "x-request-id") ?? "no id")
      expect(reply.body).not.toContain("secret")
    })
  )

  it.live("handles its WebSockets", () =>
    Effect.gen(function* () {
      const { port, sites } = yield* running()
      yield* sites.add<string>({
        hosts: ["app.example.com"],
        fetch: (_, connection) => {
          return connection.upgrade("data") ? undefined : new Response(null, { status: 426 })
        },
        websocket: {
          message: (socket, message) => {
            socket.send(`${socket.data}: ${String(message)}`)
            socket.close(1000)
          }
        }
      })
      const url = new URL(`ws://127.0.0.1:${port}/`)
      const client = yield* rawSocket(url, { host: "app.example.com" })
      expect(client.status).toBe(101)
      client.socket.write(frame("hello"))
      const received = yield* client.ended
      expect(frames(received)[0]?.payload.toString()).toBe("data: hello")
      expect(closeCode(received)).toBe(1000)
    })
  )
})

describe("the body limit", () => {
  const chunked = (size: number) => `${size.toString(16)}\r\n${"a".repeat(size)}\r\n0\r\n\r\n`
  const measured = (hosts: ReadonlyArray<string>, maxBodyBytes?: number): Site => ({
    hosts,
    fetch: async (request) => new Response(String((await request.bytes()).length)),
    ...(maxBodyBytes !== undefined && { maxBodyBytes })
  })

  it.live("is separate for each site and the routes, by declared length and by count", () =>
    Effect.gen(function* () {
      const { context, port, sites } = yield* running({ maxMessageBytes: 100, maxBodyBytes: 1000 })
      yield* Context.get(context, Routes).add({
        paths: ["/size"],
        fetch: async (request) => new Response(String((await request.bytes()).length))
      })
      yield* sites.add(measured(["large.test"]))
      yield* sites.add(measured(["small.test"], 10))
      for (const [host, limit] of [
        ["large.test", 1000],
        ["small.test", 10]
      ] as const) {
        const fits = yield* post(port, host, `Content-Length: ${limit}`, "a".repeat(limit))
        expect([host, fits.body]).toEqual([host, String(limit)])
        const streamed = yield* post(port, host, "Transfer-Encoding: chunked", chunked(limit))
        expect([host, streamed.body]).toEqual([host, String(limit)])
        const declared = yield* post(port, host, `Content-Length: ${limit + 1}`, "a".repeat(limit + 1))
        expect([host, declared.status]).toEqual([host, 413])
        const counted = yield* post(port, host, "Transfer-Encoding: chunked", chunked(limit + 1))
        expect([host, counted.status]).toEqual([host, 413])
      }
      const route = (lines: string, body: string) =>
        Effect.promise(() => raw(port, `POST /size HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n\r\n${body}`))
      expect((yield* route("Content-Length: 100", "a".repeat(100))).body).toBe("100")
      expect((yield* route("Content-Length: 101", "a".repeat(101))).status).toBe(413)
      expect((yield* route("Transfer-Encoding: chunked", chunked(101))).status).toBe(413)
    })
  )
})
