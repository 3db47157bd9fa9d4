/** Requests for the sessions of another worker: checked where they arrive, and passed on in parts. */
import { describe, expect, test } from "bun:test"
import { createServer, type Server } from "node:net"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Deferred, Effect, Layer } from "effect"
import * as forwardToWorker from "../../../layers/http/forwardToWorker.ts"
import { Listener } from "../../../layers/http/Listener.ts"
import type { ListenerOptions } from "../../../layers/http/ListenerOptions.ts"
import { type Route, Routes } from "../../../layers/http/Routes.ts"
import { Sites } from "../../../layers/http/Sites.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { type Slot, socketOf } from "../../../layers/platform/WorkerSlot.ts"
import { hasBodyLimit } from "../../support/bodyLimit.ts"
import { certificate, machine, possible } from "../../support/certificate.ts"
import { it } from "../../support/effect.ts"
import { defaults } from "../../support/listener.ts"
import { header, raw } from "../../support/rawHttp.ts"

/** What a client leaves by. */
const canceller = () => new AbortController()

/** The session is that of worker 2, and requests arrive at worker 1. */
const session = "s-w2"
const headers = { "mcp-session-id": session }

const running = Effect.fnUntraced(function* (
  fetch: Route<string>["fetch"],
  options: Partial<ListenerOptions> = {}
) {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-test-"))),
    (made) => Effect.promise(() => rm(made, { recursive: true }))
  )
  const slot: Slot = { number: 1, id: 1, service: "s", limits: "", seed: 1, folder }
  const worker = (more: Partial<ListenerOptions>, own: Route<string>["fetch"]) =>
    Layer.build(
      Listener.layer({ ...defaults, ...more }).pipe(
        Layer.provideMerge(
          Layer.effectDiscard(Routes.use((routes) => routes.add({ paths: ["/mcp"], fetch: own })))
        ),
        Layer.provideMerge(Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer))
      )
    )
  yield* worker({ socket: socketOf(slot, 2) }, fetch)
  const forward = forwardToWorker.make({ slot, isOfFirst: () => false })
  const front = yield* worker({ ...options, forward }, () => new Response("front"))
  return { ...Context.get(front, Listener), sites: Context.get(front, Sites), slot }
})

const about: Route<string>["fetch"] = async (request, { address, encrypted, loopback }) =>
  Response.json({ address, encrypted, loopback, size: (await request.arrayBuffer()).byteLength })

const ofSession = `Host: 127.0.0.1\r\nMcp-Session-Id: ${session}\r\n`

describe("a request for the session of another worker", () => {
  it.live("has the address that the worker saw, whatever the client claims", () =>
    Effect.gen(function* () {
      const { port } = yield* running(about)
      const claim = JSON.stringify({ address: "203.0.113.1", encrypted: true, loopback: true })
      const reply = yield* Effect.promise(() =>
        raw(port, `GET /mcp HTTP/1.1\r\n${ofSession}Via: 1.1 proxy\r\nManifold-Forwarded: ${claim}\r\n\r\n`)
      )
      expect(JSON.parse(reply.body)).toEqual({
        address: "127.0.0.1",
        encrypted: false,
        loopback: false,
        size: 0
      })
      expect(header(reply, "x-content-type-options")).toBe("nosniff")
    })
  )

  it.live("is rejected where it arrives for a foreign Host or Origin", () =>
    Effect.gen(function* () {
      const { port } = yield* running(about)
      const get = (lines: string) =>
        Effect.promise(() => raw(port, `GET /mcp HTTP/1.1\r\nMcp-Session-Id: ${session}\r\n${lines}\r\n\r\n`))
      expect((yield* get("Host: evil.test")).status).toBe(421)
      expect((yield* get("Host: 127.0.0.1\r\nOrigin: https://evil.test")).status).toBe(403)
      expect((yield* get(`Host: 127.0.0.1\r\nOrigin: http://127.0.0.1:${port}`)).status).toBe(200)
    })
  )

  it.live("stays with a published application, whose sessions are its own", () =>
    Effect.gen(function* () {
      const { port, sites } = yield* running(about)
      yield* sites.add({ hosts: ["app.example.com"], fetch: () => new Response("application") })
      const reply = yield* Effect.promise(() =>
        raw(port, `GET /mcp HTTP/1.1\r\nHost: app.example.com\r\nMcp-Session-Id: ${session}\r\n\r\n`)
      )
      expect(reply.body).toBe("application")
    })
  )

  it.live("has the body limit", () =>
    Effect.gen(function* () {
      const { port } = yield* running(about)
      yield* hasBodyLimit(port, `POST /mcp HTTP/1.1\r\n${ofSession}`)
    })
  )

  it.live("gets a large response in parts, which end when the client leaves", () =>
    Effect.gen(function* () {
      const left = yield* Deferred.make<void>()
      let pulled = 0
      const { url } = yield* running((request) => {
        request.signal.addEventListener("abort", () => Deferred.doneUnsafe(left, Effect.void))
        const endless = new URL(request.url).searchParams.has("endless")
        if (!endless) return new Response("x".repeat(3_000_000))
        return new Response(
          new ReadableStream({
            pull: (controller) => {
              pulled++
              controller.enqueue(new Uint8Array(64 * 1024))
            }
          })
        )
      })
      const whole = yield* Effect.promise(() => fetch(`${url}/mcp`, { headers }))
      expect((yield* Effect.promise(() => whole.text())).length).toBe(3_000_000)
      const abort = canceller()
      const endless = yield* Effect.promise(() =>
        fetch(`${url}/mcp?endless`, { headers, signal: abort.signal })
      )
      expect(endless.status).toBe(200)
      yield* Effect.promise(async () => {
        await endless.body?.getReader().read()
      })
      abort.abort()
      yield* Deferred.await(left)
      // A client that does not read does not fill the memory.
      expect(pulled).toBeLessThan(1000)
    })
  )

  it.live("gets 404 when its worker has ended, and fails if that ended in the middle of it", () =>
    Effect.gen(function* () {
      const { slot, url } = yield* running(() => new Response("x"))
      const ask = (id: number) =>
        Effect.promise(() => fetch(`${url}/mcp`, { headers: { "mcp-session-id": `s-w${id}` } }))
      expect((yield* ask(2)).status).toBe(200)
      const gone = yield* ask(7)
      expect(gone.status).toBe(404)
      expect(yield* Effect.promise(() => gone.json())).toMatchObject({
        jsonrpc: "2.0",
        error: { message: "Session not found. Initialize a new one." }
      })
      /** A worker that ends after it has sent this. */
      const ending = (id: number, sent: string) =>
        Effect.acquireRelease(
          Effect.callback<Server>((resume) => {
            const server = createServer((socket) => {
              socket.once("data", () => (sent === "" ? socket.destroy() : socket.end(sent)))
            })
            server.listen(socketOf(slot, id), () => resume(Effect.succeed(server)))
          }),
          (server) => Effect.sync(() => server.close())
        )
      yield* ending(8, "")
      const broken = yield* ask(8)
      expect(broken.status).toBe(502)
      expect(yield* Effect.promise(() => broken.json())).toMatchObject({
        jsonrpc: "2.0",
        error: { message: expect.stringContaining("may have been served") }
      })
      yield* ending(9, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
      const cut = fetch(`${url}/mcp`, { headers: { "mcp-session-id": "s-w9" } })
      const text = yield* Effect.exit(Effect.tryPromise(async () => (await cut).text()))
      expect(text._tag).toBe("Failure")
    })
  )
})

test.skipIf(!possible)("a page of this service may call the session of another worker over TLS", () =>
  Effect.gen(function* () {
    const tls = yield* certificate
    const { port } = yield* running(about, { tls, hostname: "0.0.0.0" })
    const own = `https://localhost:${port}`
    const ask = (origin: string) =>
      Effect.promise(() => fetch(`${own}/mcp`, { headers: { ...headers, origin }, tls: { ca: tls.cert } }))
    const response = yield* ask(own)
    expect(response.status).toBe(200)
    expect(response.headers.get("strict-transport-security")).toBe("max-age=31536000")
    expect(yield* Effect.promise(() => response.json())).toMatchObject({ encrypted: true })
    expect((yield* ask("https://evil.test")).status).toBe(403)
    expect((yield* ask(`http://localhost:${port}`)).status).toBe(403)
  }).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
)
