/** Bounds on what one caller can make the service retain, send and compute, while others are served. */
import { describe, expect } from "bun:test"
import { connect } from "node:net"
import { Effect, Layer, Schedule } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Blocks, text } from "../../src/domain/Content.ts"
import * as toolkitEntries from "../../src/catalog/toolkitEntries.ts"
import { it } from "../support/effect.ts"
import {
  endpoint,
  initialize,
  openSession,
  post,
  readJson,
  request,
  serviceOf,
  stateless
} from "../support/service.ts"

const Large = Tool.make("large", { success: Blocks })
/** Returns its result on an event stream, because it waits and reports progress. */
const Later = Tool.make("later", { success: Blocks, dependencies: [Progress] })
/** In bytes: about twice the kernel buffers of a connection whose client does not read. */
const laterSize = 8_000_000
const toolkit = Toolkit.make(Large, Later)
const large = {
  toolkit,
  layer: toolkit.toLayer({
    large: () => Effect.succeed([text("é".repeat(600_000))]),
    later: () =>
      Effect.gen(function* () {
        yield* (yield* Progress).report({ progress: 1, total: 2 })
        yield* Effect.sleep(20)
        return [text("x".repeat(laterSize))]
      })
  })
}

const tokens = ["alice", "bob"].map((name) => ({ name, token: name.repeat(12) }))
const as = (name: string) => ({ authorization: `Bearer ${name.repeat(12)}` })

/** The key of alice's principal. */
const aliceKey = '["api-token","alice","alice"]'

const service = (config: Record<string, unknown>) =>
  toolkitEntries.layer(large).pipe(
    Layer.provideMerge(
      serviceOf((dir) =>
        ConfigSource.layerFrom({
          storage: { dir },
          logging: { level: "none" },
          auth: { tokens },
          ...config
        })
      )
    )
  )

const call = Effect.fnUntraced(function* (name: string, args: object, headers = as("alice")) {
  const one = stateless(1, "tools/call", { name, arguments: args })
  return yield* post(yield* endpoint, one.body, { ...one.headers, ...headers })
})

/** Polls, because there is no event for the release of a socket's memory. */
const eventually = (condition: () => boolean) =>
  Effect.repeat(Effect.sync(condition), {
    schedule: Schedule.spaced("20 millis"),
    until: (met) => met
  })

/** A connection that sends a request and never reads the response. */
const unread = Effect.fnUntraced(function* (body: string, headers: Record<string, string>) {
  const { port } = yield* Listener
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => connect(port, "127.0.0.1")),
    (opened) => Effect.sync(() => opened.destroy())
  )
  socket.on("error", () => {})
  socket.pause()
  const head = Object.entries({
    host: "localhost",
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "content-length": String(Buffer.byteLength(body)),
    ...headers
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`POST /mcp HTTP/1.1\r\n${head.join("")}\r\n${body}`)
  return socket
})

describe("unread responses", () => {
  const echo = stateless(1, "tools/call", { name: "echo", arguments: { message: "x".repeat(3_500_000) } })

  it.concurrent("unread responses are charged to their principal and closed by the idle time-out", () =>
    Effect.gen(function* () {
      const { memory } = yield* Quotas
      for (let each = 0; each < 3; each++) {
        yield* unread(JSON.stringify(echo.body), { ...echo.headers, ...as("alice") })
      }
      yield* eventually(() => memory.used > 2_000_000)
      const other = yield* call("math.add", { a: 1, b: 2 }, as("bob"))
      expect(other.status).toBe(200)
      // Bun checks idle connections every four seconds.
      yield* eventually(() => memory.used === 0)
    }).pipe(Effect.provide(service({ server: { idle_timeout: "1 second" } })))
  )

  for (const era of ["of a session", "without a session"]) {
    it.concurrent(
      `unread event streams that have ended (${era}) are charged and closed by the idle time-out`,
      () =>
        Effect.gen(function* () {
          const { memory } = yield* Quotas
          const session = yield* openSession(yield* endpoint, "2025-11-25", as("alice"))
          const before = memory.used
          const later = { name: "later", arguments: {} }
          const one = stateless(1, "tools/call", { ...later, _meta: { progressToken: 1 } })
          const [body, headers] =
            era === "of a session"
              ? [request(2, "tools/call", later), session]
              : [one.body, { ...one.headers, ...as("alice") }]
          const socket = yield* unread(JSON.stringify(body), headers)
          yield* eventually(() => memory.used - before > laterSize / 4)
          yield* eventually(() => memory.used - before < laterSize / 4)
          const cut = Promise.withResolvers<void>()
          let got = 0
          socket.on("data", (chunk) => (got += chunk.length))
          socket.on("close", cut.resolve)
          socket.resume()
          yield* Effect.promise(() => cut.promise)
          expect(got).toBeLessThan(laterSize)
        }).pipe(
          Effect.provide(
            service({
              server: { idle_timeout: "1 second" },
              mcp: { sessions: { unread_timeout: "1 second" }, max_result_bytes: 2 * laterSize }
            })
          )
        )
    )
  }

  it.concurrent("a response beyond the quota of unread responses is 503 until the client reads", () =>
    Effect.gen(function* () {
      const { memory } = yield* Quotas
      // Compressed it would be small.
      const plain = { ...as("alice"), "accept-encoding": "identity" }
      const denied = yield* call("large", {}, plain)
      expect(denied.status).toBe(503)
      expect(yield* readJson(denied)).toMatchObject({
        error: { message: expect.stringContaining("quotas.memory") }
      })
      memory.configure({ principal: 2_000_000, total: 2_000_000 })
      for (let each = 0; each < 5; each++) {
        const response = yield* call("large", {}, plain)
        expect((yield* readJson(response))["result"]).toMatchObject({ content: [{ type: "text" }] })
      }
      yield* eventually(() => memory.used === 0)
    }).pipe(Effect.provide(service({ quotas: { memory: { principal: 100_000 } } })))
  )
})

describe("messages", () => {
  const body = { message: "x".repeat(100_000) }

  it.live("large messages of a principal beyond its quota are rejected and those of others are not", () =>
    Effect.gen(function* () {
      const { memory } = yield* Quotas
      const key = aliceKey
      memory.take(key, 250_000)
      const rejected = yield* call("echo", body)
      expect([rejected.status, rejected.headers.get("retry-after")]).toEqual([429, "1"])
      expect((yield* call("echo", body, as("bob"))).status).toBe(200)
      expect((yield* call("math.add", { a: 1, b: 2 })).status).toBe(200)
      memory.release(key, 250_000)
      expect((yield* call("echo", body)).status).toBe(200)
      yield* eventually(() => memory.used === 0)
    }).pipe(Effect.provide(service({ quotas: { memory: { principal: 300_000, total: 1_000_000 } } })))
  )

  it.live("messages in a session release their memory whether they are served, rejected or malformed", () =>
    Effect.gen(function* () {
      const { memory } = yield* Quotas
      const url = yield* endpoint
      const session = yield* openSession(url, "2025-11-25", as("alice"))
      const before = memory.used
      const bodies = [
        request(1, "tools/call", { name: "echo", arguments: body }),
        request(2, "tools/call", { name: "none", arguments: body }),
        { jsonrpc: "2.0", method: "notifications/x", params: body },
        [request(3, "ping", body)],
        `{"jsonrpc":"2.0"${" ".repeat(100_000)}`
      ]
      for (const each of bodies) {
        yield* Effect.flatMap(post(url, each, session), (response) => Effect.promise(() => response.text()))
      }
      yield* post(url, bodies[0], { ...session, "mcp-session-id": "unknown" })
      yield* post(url, bodies[0], { ...session, "mcp-protocol-version": "1999-01-01" })
      yield* eventually(() => memory.used === before)
    }).pipe(Effect.provide(service({})))
  )

  it.live("messages without a session release their memory whether they are served or rejected", () =>
    Effect.gen(function* () {
      const { memory } = yield* Quotas
      const url = yield* endpoint
      const { body: echo, headers } = stateless(1, "tools/call", { name: "echo", arguments: body })
      const statuses: Array<number> = []
      for (const changed of [{}, { "mcp-name": "math.add" }, { "mcp-protocol-version": "1999-01-01" }]) {
        const response = yield* post(url, echo, { ...headers, ...as("alice"), ...changed })
        statuses.push(response.status)
        yield* Effect.promise(() => response.text())
      }
      expect(statuses).toEqual([200, 400, 400])
      yield* eventually(() => memory.used === 0)
    }).pipe(Effect.provide(service({})))
  )
})

describe("results", () => {
  it.live("a result over the size limit is a tool error", () =>
    Effect.gen(function* () {
      const { result } = yield* readJson(yield* call("large", {}))
      expect(result).toMatchObject({
        isError: true,
        content: [{ text: expect.stringContaining("exceeds 1000000 bytes (mcp.max_result_bytes)") }]
      })
    }).pipe(Effect.provide(service({ mcp: { max_result_bytes: 1_000_000 } })))
  )

  it.live("an error names at most ten issues, and one issue of large arguments", () =>
    Effect.gen(function* () {
      const wrong = (details: ReadonlyArray<unknown>) =>
        Effect.flatMap(call("content.create", { source_content_details: details }), readJson)
      const few = yield* wrong(Array.from({ length: 30 }, () => 1))
      expect(JSON.stringify(few).match(/;/g)?.length).toBe(9)
      const many = yield* wrong(Array.from({ length: 50_000 }, () => 1))
      expect(JSON.stringify(many).length).toBeLessThan(2000)
      expect(many["result"]).toMatchObject({ isError: true })
    }).pipe(Effect.provide(service({})))
  )

  it.live("pages of a list are bounded in bytes and lose no entry", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const names: Array<string> = []
      let cursor: unknown
      let pages = 0
      do {
        const { body, headers } = stateless(1, "tools/list", cursor === undefined ? {} : { cursor })
        const { result } = yield* readJson(yield* post(url, body, { ...headers, ...as("alice") }))
        const page = result as { tools: ReadonlyArray<{ name: string }>; nextCursor?: string }
        names.push(...page.tools.map(({ name }) => name))
        cursor = page.nextCursor
        pages++
      } while (cursor !== undefined)
      expect(pages).toBeGreaterThan(2)
      expect(new Set(names).size).toBe(names.length)
      expect(names).toContain("large")
      expect(names).toContain("web.fetch_url")
    }).pipe(Effect.provide(service({ mcp: { page_bytes: 1000 } })))
  )
})

describe("quotas", () => {
  it.live("a new session evicts only an idle session of the same principal", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const bobs = yield* openSession(url, "2025-11-25", as("bob"))
      const first = yield* openSession(url, "2025-11-25", as("alice"))
      for (let each = 0; each < 5; each++) yield* openSession(url, "2025-11-25", as("alice"))
      expect((yield* post(url, request(1, "ping"), bobs)).status).toBe(200)
      expect((yield* post(url, request(1, "ping"), first)).status).toBe(404)
    }).pipe(Effect.provide(service({ quotas: { sessions: { principal: 2 } } })))
  )

  it.live("open streams are limited per principal over all transports", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const { streams } = yield* Quotas
      const stream = (path: string, name: string) =>
        Effect.acquireRelease(
          Effect.promise(() =>
            fetch(new URL(path, url), { headers: { accept: "text/event-stream", ...as(name) } })
          ),
          (response) => Effect.promise(async () => response.body?.cancel())
        )
      yield* Effect.gen(function* () {
        expect((yield* stream("/mcp/sse", "alice")).status).toBe(200)
        expect((yield* stream("/stream", "alice")).status).toBe(200)
        expect((yield* stream("/mcp/sse", "alice")).status).toBe(429)
        expect((yield* stream("/stream", "alice")).status).toBe(429)
        expect((yield* stream("/mcp/sse", "bob")).status).toBe(200)
      }).pipe(Effect.scoped)
      yield* eventually(() => streams.used === 0)
    }).pipe(Effect.provide(service({ quotas: { streams: { principal: 2 } } })))
  )

  it.live("subscriptions are limited per principal over all sessions", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const { subscriptions } = yield* Quotas
      const subscribe = Effect.fnUntraced(function* (session: Record<string, string>) {
        return (yield* post(url, request(1, "resources/subscribe", { uri: "health://ping" }), session)).status
      })
      const sessions = yield* Effect.replicateEffect(openSession(url, "2025-11-25", as("alice")), 3)
      const statuses = yield* Effect.forEach(sessions, subscribe)
      expect(statuses).toEqual([200, 200, 429])
      expect(yield* subscribe(yield* openSession(url, "2025-11-25", as("bob")))).toBe(200)
      const [first] = sessions
      yield* Effect.promise(() => fetch(url, { method: "DELETE", headers: first ?? {} }))
      yield* eventually(() => subscriptions.used === 2)
    }).pipe(Effect.provide(service({ quotas: { subscriptions: { principal: 2 } } })))
  )

  it.live("pings and lists count under the rate limit", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url, "2025-11-25", as("alice"))
      const statuses: Array<number> = []
      for (const method of ["ping", "tools/list", "ping", "resources/list"]) {
        statuses.push((yield* post(url, request(1, method), session)).status)
      }
      expect(statuses).toEqual([200, 200, 200, 429])
    }).pipe(Effect.provide(service({ limits: { principal: { calls: 3 } } })))
  )

  it.live("the client information that a session retains is limited", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const { memory } = yield* Quotas
      const handshake = initialize()
      const wide = { ...handshake.params, capabilities: { experimental: { x: { y: "x".repeat(60_000) } } } }
      const statuses = yield* Effect.forEach(Array.from({ length: 3 }), () =>
        Effect.map(post(url, { ...handshake, params: wide }, as("alice")), ({ status }) => status)
      )
      expect(statuses).toEqual([200, 200, 429])
      expect(memory.usedBy(aliceKey)).toBeGreaterThan(120_000)
    }).pipe(Effect.provide(service({ quotas: { memory: { principal: 150_000 } } })))
  )
})

it.live("an invalid token is 429 beyond the limit, and a valid token is still 200", () =>
  Effect.gen(function* () {
    const wrong = { authorization: `Bearer ${"x".repeat(40)}` }
    const statuses: Array<number> = []
    for (let each = 0; each < 5; each++)
      statuses.push((yield* call("math.add", { a: 1, b: 2 }, wrong)).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    expect((yield* call("math.add", { a: 1, b: 2 })).status).toBe(200)
    const { url } = yield* Listener
    const metrics = yield* Effect.promise(() =>
      fetch(new URL("/metrics", url), { headers: as("alice") }).then((response) => response.text())
    )
    expect(metrics).toContain('manifold_authentication_failures_total{reason="invalid"} 3')
    expect(metrics).toContain('manifold_authentication_failures_total{reason="throttled"} 2')
    expect(metrics).toMatch(/manifold_quota_limit\{quota="memory"\} \d+/)
  }).pipe(Effect.provide(service({ auth: { tokens, failures: { max: 3 } } })))
)
