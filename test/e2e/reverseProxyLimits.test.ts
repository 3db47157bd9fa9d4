/** Limits of applications behind the reverse proxy: requests per minute, and clients that send a body or read messages slowly. */
import { expect } from "bun:test"
import { Deferred, Effect } from "effect"
import { it } from "../support/effect.ts"
import { backend, publish, publishing } from "../support/proxies.ts"
import { dial, header } from "../support/rawHttp.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)
const head = (path: string, framing: string) =>
  `POST ${path} HTTP/1.1\r\nHost: app.example.com\r\n${framing}\r\n\r\n`
const echo = async (request: Request) => new Response(await request.text())

it.concurrent("a body that the client sends too slowly is 408 and does not open the circuit", () =>
  Effect.gen(function* () {
    const aborted = yield* Deferred.make<void>()
    const app = yield* backend((request) => {
      request.signal.addEventListener("abort", () => Deferred.doneUnsafe(aborted, Effect.void))
      return request.method === "POST" ? echo(request) : new Response("hello")
    })
    const { port, request } = yield* publishing(app.url, {}, { edge: { body_timeout: "300 millis" } })
    const silent = {
      "a short body": head("/short", "Content-Length: 100") + "x",
      "a long body": head("/long", "Content-Length: 100000") + "x",
      "a body in chunks": head("/chunks", "Transfer-Encoding: chunked") + "1\r\nx\r\n"
    }
    // Six are more than the failures that open the circuit.
    yield* Effect.forEach(
      [...Object.entries(silent), ...Object.entries(silent)],
      Effect.fnUntraced(function* ([name, bytes]) {
        const connection = dial(port)
        connection.write(bytes)
        const reply = yield* wait(connection.next())
        expect([name, reply.status, header(reply, "connection")]).toEqual([name, 408, "close"])
        yield* wait(connection.closed)
      }),
      { concurrency: "unbounded" }
    )
    yield* Deferred.await(aborted)
    expect((yield* wait(request("/"))).status).toBe(200)
  })
)

it.concurrent("a body of which a byte arrives now and then has a time limit as a whole", () =>
  Effect.gen(function* () {
    const app = yield* backend(echo)
    const { port, request } = yield* publishing(app.url, {}, { edge: { body_timeout: "400 millis" } })
    for (const [path, framing] of [
      ["/short", "Content-Length: 60"],
      ["/chunks", "Transfer-Encoding: chunked"]
    ] as const) {
      const connection = dial(port)
      connection.write(head(path, framing))
      const began = performance.now()
      const part = path === "/short" ? "x" : "1\r\nx\r\n"
      // Not a wait of the test: the client is slow. Each part arrives in time, the whole body would take 6 s.
      const timer = setInterval(() => connection.write(part), 100)
      const reply = yield* wait(connection.next())
      clearInterval(timer)
      expect([path, reply.status]).toEqual([path, 408])
      expect(performance.now() - began).toBeLessThan(3000)
      connection.end()
    }
    // A large body takes longer than the time limit of its parts if it makes progress.
    const parts = 8
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull: async (stream) => {
        if (sent > 0) await Bun.sleep(100)
        stream.enqueue(new Uint8Array(100_000))
        if (++sent === parts) stream.close()
      }
    })
    const response = yield* wait(request("/", { method: "POST", body }))
    expect([response.status, (yield* wait(response.arrayBuffer())).byteLength]).toEqual([
      200,
      parts * 100_000
    ])
  })
)

it.concurrent(
  "requests per minute are limited per application and per address, before the sign-in is checked",
  () =>
    Effect.gen(function* () {
      const app = yield* backend(() => new Response("x"))
      const edge = { requests_per_minute_per_host: 3, requests_per_minute_per_address: 5 }
      const { request, running } = yield* publishing(
        app.url,
        {},
        { edge, server: { trusted_proxies: ["127.0.0.1"] } }
      )
      yield* Effect.provideContext(
        publish({ hostname: "b.example.com", target_url: app.url, protect: "read" }),
        running
      )
      const from = (client: string, host = "app.example.com") =>
        wait(request("/", { headers: { host, "x-forwarded-for": client } }))
      for (let index = 0; index < 3; index++) expect((yield* from("192.0.2.1")).status).toBe(200)
      const full = yield* from("192.0.2.2")
      expect([full.status, yield* wait(full.text())]).toEqual([
        429,
        "Too many requests. The application has too many requests per minute.\n"
      ])
      expect(Number(full.headers.get("retry-after"))).toBeGreaterThan(30)
      // The rejected request did not count for its address; those without a token count.
      for (const client of ["192.0.2.1", "192.0.2.1"])
        expect((yield* from(client, "b.example.com")).status).toBe(401)
      expect(yield* wait((yield* from("192.0.2.1", "b.example.com")).text())).toContain("from this address")
      expect((yield* from("192.0.2.2", "b.example.com")).status).toBe(401)
      expect(app.requests.length).toBe(3)
    })
)

it.concurrent("a WebSocket whose client reads nothing is closed before its messages fill the memory", () =>
  Effect.gen(function* () {
    const closed = yield* Deferred.make<void>()
    const message = "x".repeat(16_000)
    let sent = 0
    let over = false
    const app = yield* backend(
      (request, server) => (server.upgrade(request, { data: undefined }) ? undefined : new Response("x")),
      {
        message: (socket) => {
          const send = () => {
            for (let index = 0; index < 16; index++) {
              socket.send(message)
              sent += message.length
            }
            // The application sends 400 MB at most.
            if (!over && sent < 400_000_000) setImmediate(send)
          }
          send()
        },
        close: () => {
          over = true
          Deferred.doneUnsafe(closed, Effect.void)
        }
      }
    )
    const { port } = yield* publishing(app.url, {}, { server: { max_message_bytes: 100_000 } })
    const connection = dial(port)
    connection.write(
      "GET /ws HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    expect((yield* wait(connection.next())).status).toBe(101)
    connection.pause()
    // A masked text message of one letter, after which the application sends.
    connection.write("\x81\x81\0\0\0\0x")
    yield* Deferred.await(closed)
    expect(sent).toBeLessThan(400_000_000)
    connection.end()
  })
)
