/** The listener with hostile bytes, foreign origins, oversized input and failing handlers. */
import { describe, expect } from "bun:test"
import { Context, Effect, Layer, Logger, Schema } from "effect"
import * as fc from "fast-check"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Listener } from "../../../layers/http/Listener.ts"
import { type Route, Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import { hasBodyLimit } from "../../support/bodyLimit.ts"
import { it } from "../../support/effect.ts"
import { defaults, listen } from "../../support/listener.ts"
import { dial, header, raw, type Reply } from "../../support/rawHttp.ts"

const host = "Host: 127.0.0.1\r\n"
const Rejection = Schema.fromJsonString(
  Schema.Struct({
    jsonrpc: Schema.Literal("2.0"),
    error: Schema.Struct({
      code: Schema.Literals([400, 403, 404, 405, 413, 421, 500]),
      message: Schema.NonEmptyString
    }),
    id: Schema.Null
  })
)
const rejection = Schema.decodeUnknownSync(Rejection)

/** Responds with what it received, and counts its requests. */
const mirror = () => {
  const seen: Array<string> = []
  const route: Route<string> = {
    paths: ["/", "/x", "/ä", "/files/*"],
    fetch: async (request, connection) => {
      seen.push(`${request.method} ${request.url}`)
      const body = await request.text()
      return Response.json({ size: body.length, address: connection.address, loopback: connection.loopback })
    }
  }
  return { route, seen }
}

const send = (port: number, bytes: string) => Effect.promise(() => raw(port, bytes))
const get = (port: number, path: string, headers = "") =>
  send(port, `GET ${path} HTTP/1.1\r\n${host}${headers}\r\n`)

it.live("a request is routed by its path alone, with the address of its peer", () =>
  Effect.gen(function* () {
    const { route, seen } = mirror()
    const { hostname, port, url } = yield* listen([route])
    expect([hostname, url]).toEqual(["127.0.0.1", `http://127.0.0.1:${port}`])
    for (const path of ["/x", "/x?a=/y", "/x#/y?z", "http://evil.test/x?y", "/files/a/b", "/?", "/a/../x"]) {
      const reply = yield* get(port, path)
      expect([path, reply.status]).toEqual([path, 200])
      expect(JSON.parse(reply.body)).toEqual({ size: 0, address: "127.0.0.1", loopback: true })
    }
    const before = seen.length
    for (const path of ["/y", "/x/", "//x", "/files", "/%78", "/X"]) {
      const reply = yield* get(port, path)
      expect([path, reply.status]).toEqual([path, 404])
      rejection(reply.body)
    }
    expect(seen).toHaveLength(before)
  })
)

it.live("CONNECT and TRACE are 405, and unknown methods are not served", () =>
  Effect.gen(function* () {
    const { route, seen } = mirror()
    const { port } = yield* listen([route])
    expect((yield* send(port, `CONNECT a.test:443 HTTP/1.1\r\n${host}\r\n`)).status).toBe(405)
    expect((yield* send(port, `TRACE /x HTTP/1.1\r\n${host}\r\n`)).status).toBe(405)
    for (const line of ["FROB /x", "get /x", "OPTIONS *", "GET x"]) {
      expect([0, 400]).toContain((yield* send(port, `${line} HTTP/1.1\r\n${host}\r\n`)).status)
    }
    expect(seen).toEqual([])
  })
)

describe("Host and Origin (hardening 21, 22)", () => {
  it.live("a bad Host is 400 or 421 for every method and reaches no route", () =>
    Effect.gen(function* () {
      const { route, seen } = mirror()
      const { port } = yield* listen([route])
      for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
        const from = (lines: string) => send(port, `${method} /x HTTP/1.1\r\n${lines}\r\n`)
        expect((yield* from("Host: evil.test\r\n")).status).toBe(421)
        const bad = ["", "Host: \r\n", "Host: a\r\nHost: b\r\n", "Host: localhost\r\nHost: localhost\r\n"]
        const odd = [
          "Host: u@localhost\r\n",
          "Host: localhost/x\r\n",
          "Host: local host\r\n",
          "Host: [::1\r\n"
        ]
        for (const lines of [...bad, ...odd])
          expect([lines, (yield* from(lines)).status]).toEqual([lines, 400])
      }
      expect((yield* send(port, "GET /x HTTP/1.0\r\n\r\n")).status).toBe(400)
      expect(seen).toEqual([])
    })
  )

  it.live("a foreign or null Origin is 403 for every method and for WebSockets and reaches no route", () =>
    Effect.gen(function* () {
      const { route, seen } = mirror()
      const { port } = yield* listen([{ ...route, websocket: { message: () => {} } }])
      const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
        for (const origin of ["http://evil.test", "null", "http://evil.test, http://127.0.0.1", "x"]) {
          for (const more of ["", upgrade + key]) {
            const lines = `${host}Origin: ${origin}\r\n${more}`
            const reply = yield* send(port, `${method} /x HTTP/1.1\r\n${lines}\r\n`)
            expect([lines, reply.status]).toEqual([lines, 403])
            rejection(reply.body)
            expect(header(reply, "access-control-allow-origin")).toBeUndefined()
          }
        }
      }
      const twice = yield* get(port, "/x", "Origin: http://localhost\r\nOrigin: http://evil.test\r\n")
      expect(twice.status).toBe(403)
      expect(seen).toEqual([])
      expect((yield* get(port, "/x", "Origin: http://localhost:6274\r\n")).status).toBe(200)
    })
  )
})

it.live("an ambiguous message is rejected before it reaches a route (hardening 23)", () =>
  Effect.gen(function* () {
    const { route, seen } = mirror()
    const { port } = yield* listen([route])
    const post = (lines: string, body: string) => `POST /x HTTP/1.1\r\n${host}${lines}\r\n\r\n${body}`
    const rejected = [
      post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
      post("Transfer-Encoding: xchunked", "0\r\n\r\n"),
      post("Transfer-Encoding : chunked", "0\r\n\r\n"),
      post("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
      post("Content-Length: 4\r\nContent-Length: 5", "abcde"),
      post("Content-Length: -4", "abcd"),
      post("Content-Length: +4", "abcd"),
      post("Content-Length: 99999999999999999999", "abcd"),
      `GET /x HTTP/1.1\r\n${host}X-A: b\r\n c\r\n\r\n`,
      `GET /x HTTP/1.1\n${host}\n\n`,
      `GET /x HTTP/1.1\r\n${host}X-A: b\nX-C: d\r\n\r\n`,
      `GET /x HTTP/1.1\r\n${host}X-A: b\rc\r\n\r\n`,
      `GET /x HTTP/1.1\r\n${host}X-A: b\0c\r\n\r\n`,
      `GET /x HTTP/2.0\r\n${host}\r\n`,
      "\x16\x03\x01hello\r\n\r\n"
    ]
    for (const bytes of rejected) {
      const connection = dial(port)
      connection.write(bytes)
      const { status } = yield* Effect.promise(connection.next)
      expect([bytes, status === 400 || status === 505]).toEqual([bytes, true])
      yield* Effect.promise(() => connection.closed)
    }
    expect(seen).toEqual([])
  })
)

it.live("no request is a 5xx, whatever it contains", () =>
  Effect.gen(function* () {
    const { route } = mirror()
    const { port } = yield* listen([route], { corsOrigins: ["https://a.test"] })
    const word = (...choices: ReadonlyArray<string>) =>
      fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...choices) }, { weight: 1, arbitrary: fc.string() })
    const line = fc.tuple(
      word("GET", "POST", "OPTIONS", "HEAD", "TRACE", "CONNECT"),
      word("/x", "/", "//", "/x?", "/%", "*", "http://", "http://[/x", "a.test:1"),
      word("HTTP/1.1", "HTTP/1.0")
    )
    const field = fc.tuple(
      word(
        "Host",
        "Origin",
        "Content-Length",
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers"
      ),
      word(
        "localhost",
        "[::1]:1",
        "[",
        "a.test",
        "https://a.test",
        "http://localhost",
        "null",
        "0",
        "POST",
        "x,,y"
      )
    )
    yield* Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(line, fc.array(field, { maxLength: 5 }), async (start, fields) => {
          const lines = [
            start.join(" "),
            ...fields.map((each) => each.join(": ")),
            "Connection: close",
            "",
            ""
          ]
          const connection = dial(port)
          connection.write(lines.join("\r\n"))
          connection.finish()
          const { status } = await connection.next()
          connection.end()
          return status < 500 || status === 505
        }),
        { numRuns: 500 }
      )
    )
  })
)

describe("limits (hardening 24, 25)", () => {
  it.live("headers over the limit in bytes or number are 431", () =>
    Effect.gen(function* () {
      const { route, seen } = mirror()
      const { port } = yield* listen([route])
      const many = Array.from({ length: 300 }, (_, n) => `X-${n}: a\r\n`).join("")
      expect((yield* get(port, "/x", `X-A: ${"a".repeat(20_000)}\r\n`)).status).toBe(431)
      expect((yield* get(port, "/x", many)).status).toBe(431)
      expect((yield* get(port, `/${"a".repeat(20_000)}`)).status).toBe(431)
      expect(seen).toEqual([])
      expect((yield* get(port, "/x", `X-A: ${"a".repeat(8_000)}\r\n`)).status).toBe(200)
    })
  )

  it.live(
    "a body of the limit is served, and one byte more is 413, unlogged, and closes the connection",
    () =>
      Effect.gen(function* () {
        const { route } = mirror()
        const logged = yield* logging
        const { port } = yield* listen([route]).pipe(Effect.provide(logged.layer))
        const head = `POST /x HTTP/1.1\r\n${host}`
        yield* hasBodyLimit(port, head)
        // Bun rejects a body far beyond the limit before any of it is read.
        const far = dial(port)
        far.write(`${head}Content-Length: ${65 * 1024 * 1024}\r\n\r\n`)
        expect((yield* Effect.promise(far.next)).status).toBe(413)
        yield* Effect.promise(() => far.closed)
        expect(logged.messages).toEqual([])
      })
  )

  it.concurrent(
    "slow bodies, slow headers and idle connections are closed (hardening 26)",
    () =>
      Effect.gen(function* () {
        const { route } = mirror()
        const { port } = yield* listen([route], { idleTimeout: "1 second" })
        const closes = (bytes: string) =>
          Effect.promise(async () => {
            const connection = dial(port)
            connection.write(bytes)
            await connection.closed
            expect((await connection.next()).status).not.toBe(200)
          })
        yield* Effect.all(
          [
            closes(`POST /x HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nab`),
            closes(`POST /x HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n9\r\nab`),
            closes("GET /x HTTP/1.1\r\nHost"),
            closes("")
          ],
          { concurrency: "unbounded" }
        )
      }),
    20_000
  )

  it.concurrent(
    "keepOpen lifts the idle time-out of one request only",
    () =>
      Effect.gen(function* () {
        const release = Promise.withResolvers<Response>()
        const { port } = yield* listen(
          [
            {
              paths: ["/kept"],
              fetch: (_, { keepOpen }) => {
                keepOpen()
                return release.promise
              }
            },
            { paths: ["/cut"], fetch: () => new Promise<Response>(() => {}) }
          ],
          { idleTimeout: "1 second" }
        )
        const kept = dial(port)
        kept.write(`GET /kept HTTP/1.1\r\n${host}\r\n`)
        // The second request is younger: at its time-out, that of the first has passed.
        const cut = yield* get(port, "/cut")
        expect(cut.status).toBe(0)
        release.resolve(new Response("still here"))
        expect((yield* Effect.promise(kept.next)).body).toBe("still here")
        kept.end()
      }),
    15_000
  )
})

describe("CORS (hardening 68)", () => {
  const listed = "https://app.example.com"
  const preflight = (port: number, origin: string, headers: string) =>
    send(
      port,
      `OPTIONS /x HTTP/1.1\r\n${host}Origin: ${origin}\r\nAccess-Control-Request-Method: POST\r\n` +
        `Access-Control-Request-Headers: ${headers}\r\n\r\n`
    )
  const allowsNoOrigin = (reply: Reply) =>
    expect(header(reply, "access-control-allow-origin")).toBeUndefined()

  it.live("a preflight of a listed origin gets the allowed methods and headers", () =>
    Effect.gen(function* () {
      const { route, seen } = mirror()
      const { port } = yield* listen([route], { corsOrigins: [listed] })
      const reply = yield* preflight(
        port,
        listed,
        "X-Evil, Mcp-Param-Region, traceparent, TraceState, baggage, x-b3-traceid, content-type"
      )
      expect(reply.status).toBe(204)
      expect(header(reply, "access-control-allow-origin")).toBe(listed)
      expect(header(reply, "access-control-allow-methods")).toBe("GET, POST, DELETE, OPTIONS")
      expect(header(reply, "access-control-allow-headers")).toBe(
        "content-type, accept, authorization, dpop, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, " +
          "mcp-name, mcp-param-region, traceparent, tracestate, baggage, x-b3-traceid"
      )
      expect(header(reply, "access-control-max-age")).toBe("86400")
      expect(header(reply, "vary")).toContain("Origin")
      expect(header(reply, "access-control-allow-credentials")).toBeUndefined()
      expect(seen).toEqual([])
    })
  )

  it.live("a listed origin may read every response, including rejections and failures", () =>
    Effect.gen(function* () {
      const { route } = mirror()
      const broken: Route<string> = { paths: ["/broken"], fetch: () => Promise.reject(new Error("no")) }
      const logged = yield* logging
      const { port } = yield* listen([route, broken], { corsOrigins: [listed] }).pipe(
        Effect.provide(logged.layer)
      )
      for (const [path, status] of [
        ["/x", 200],
        ["/nowhere", 404],
        ["/broken", 500]
      ] as const) {
        const reply = yield* get(port, path, `Origin: ${listed}\r\n`)
        expect(reply.status).toBe(status)
        expect(header(reply, "access-control-allow-origin")).toBe(listed)
        expect(header(reply, "vary")).toContain("Origin")
        expect(header(reply, "access-control-expose-headers")).toBe(
          "mcp-session-id, www-authenticate, dpop-nonce, retry-after, x-request-id, ratelimit-limit, " +
            "ratelimit-remaining, ratelimit-reset"
        )
      }
    })
  )

  it.live("an origin that is not listed may not read a response, whether it is allowed or not", () =>
    Effect.gen(function* () {
      const { route } = mirror()
      const { port } = yield* listen([route], { corsOrigins: [listed] })
      for (const origin of ["https://evil.test", "null", "http://localhost:5173"]) {
        const reply = yield* preflight(port, origin, "content-type")
        expect(reply.status).toBe(403)
        allowsNoOrigin(reply)
      }
      allowsNoOrigin(yield* get(port, "/x", "Origin: http://localhost:5173\r\n"))
      allowsNoOrigin(yield* get(port, "/x"))
    })
  )
})

/** The log of the layer. */
const logging = Effect.sync(() => {
  const messages: Array<string> = []
  const logger = Logger.make(({ cause, message }) => {
    messages.push(`${String(message)} ${JSON.stringify(cause)}`)
  })
  return { messages, layer: Logger.layer([logger]) }
})

describe("a handler that fails", () => {
  it.live("is 500 without details and logged once, without the query", () =>
    Effect.gen(function* () {
      const thrown = (): never => {
        throw new Error("secret detail")
      }
      const logged = yield* logging
      const { port } = yield* listen([
        { paths: ["/throws"], fetch: thrown },
        { paths: ["/rejects"], fetch: () => Promise.reject(new Error("secret detail")) }
      ]).pipe(Effect.provide(logged.layer))
      for (const path of ["/throws", "/rejects"]) {
        const reply = yield* get(port, `${path}?token=hidden`)
        expect(reply.status).toBe(500)
        expect(rejection(reply.body).error.message).not.toContain("secret")
      }
      expect(logged.messages).toHaveLength(2)
      expect(logged.messages[0]).toStartWith("GET /throws failed")
      expect(logged.messages[1]).toStartWith("GET /rejects failed")
      expect(logged.messages.join()).not.toContain("hidden")
    })
  )

  it.live("is not logged if its client has disconnected", () =>
    Effect.gen(function* () {
      const started = Promise.withResolvers<void>()
      const left = Promise.withResolvers<void>()
      const logged = yield* logging
      const { port } = yield* listen([
        {
          paths: ["/x"],
          fetch: (request) =>
            new Promise((_, reject) => {
              request.signal.addEventListener("abort", () => {
                reject(new Error("aborted"))
                left.resolve()
              })
              started.resolve()
            })
        },
        { paths: ["/after"], fetch: () => new Response() }
      ]).pipe(Effect.provide(logged.layer))
      const connection = dial(port)
      connection.write(`GET /x HTTP/1.1\r\n${host}\r\n`)
      yield* Effect.promise(() => started.promise)
      connection.end()
      yield* Effect.promise(() => left.promise)
      expect((yield* get(port, "/after")).status).toBe(200)
      expect(logged.messages).toEqual([])
    })
  )
})

describe("binding an address", () => {
  const failure = (options: Partial<typeof defaults>) => Effect.flip(listen([], options))

  it.live("with a port in use is an error with the port and a hint", () =>
    Effect.gen(function* () {
      const { port } = yield* listen([])
      const error = yield* failure({ port })
      expect(error).toMatchObject({ _tag: "ListenError", reason: "InUse", port })
      expect(error.message).toBe(
        `Port ${port} is in use. Stop the other program, or choose another port with --port or server.port.`
      )
    })
  )

  it.live("that is foreign, or with an invalid certificate or origin, is an error", () =>
    Effect.gen(function* () {
      const address = yield* failure({ hostname: "192.0.2.1" })
      expect(address).toMatchObject({ reason: "BadAddress" })
      expect(address.message).toContain("--host")
      const tls = yield* failure({ tls: { cert: "x", key: "y" } })
      expect(tls).toMatchObject({ reason: "BadTls" })
      const wildcard = yield* failure({ corsOrigins: ["*"] })
      expect(wildcard.message).toContain("server.cors_origins")
    })
  )
})

it.live("a listener on every address reports a local URL", () =>
  Effect.gen(function* () {
    const { port, url } = yield* listen([mirror().route], { hostname: "0.0.0.0" })
    expect(url).toBe(`http://localhost:${port}`)
    expect((yield* Effect.promise(() => fetch(`${url}/x`))).status).toBe(200)
  })
)

it.live("routes are added and removed while it listens", () =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Listener.layer(defaults).pipe(Layer.provideMerge(Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer)))
    )
    const { port } = Context.get(context, Listener)
    const routes = Context.get(context, Routes)
    const status = Effect.map(get(port, "/new"), (reply) => reply.status)
    expect(yield* status).toBe(404)
    expect(
      yield* Effect.scoped(
        Effect.andThen(routes.add({ paths: ["/new"], fetch: () => new Response() }), status)
      )
    ).toBe(200)
    expect(yield* status).toBe(404)
  })
)
