/** MCP over HTTP+SSE, the first HTTP transport: oldest clients, browsers, interruption and invalid requests. */
import net from "node:net"
import { describe, expect } from "bun:test"
import { SSEClientTransport as NewSse } from "@modelcontextprotocol/client"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { SSEClientTransport as OldSse } from "@modelcontextprotocol/sdk/client/sse.js"
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { Deferred, Effect, Fiber } from "effect"
import { EventSource } from "eventsource"
import { Channels } from "../../layers/events/Channels.ts"
import { anonymousLoopback } from "../../src/domain/Principal.ts"
import { principal } from "../support/callTool.ts"
import { info, trials } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { dial } from "../support/rawHttp.ts"
import {
  endpoint,
  events,
  Held,
  initialize,
  post,
  readJson,
  request,
  service,
  stateless,
  interrupted,
  started
} from "../support/service.ts"

const sse = Effect.map(endpoint, (url) => new URL("/mcp/sse", url))

/** A client that can disconnect. */
const connection = () => new AbortController()

/** An open stream and the URL of its endpoint event. */
const connect = Effect.fnUntraced(function* (query = "", headers: Record<string, string> = {}) {
  const url = new URL(query, yield* sse)
  const leave = connection()
  const response = yield* Effect.promise(() =>
    fetch(url, { headers: { accept: "text/event-stream", ...headers }, signal: leave.signal })
  )
  yield* Effect.addFinalizer(() => Effect.sync(() => leave.abort()))
  const stream = events(response)
  /** The next event, without comments. */
  const next = Effect.promise(async () => {
    for (;;) {
      const { done, value } = await stream.next()
      if (done) return undefined
      if (!value.comment) return { event: value.event, data: value.data }
    }
  })
  const first = yield* next
  return { response, first, next, target: new URL(first?.data ?? "", url), leave: () => leave.abort() }
})

const parsed = (event: { data: string } | undefined) =>
  JSON.parse(event?.data ?? "null") as Record<string, unknown>

describe("over HTTP+SSE, the client", () => {
  for (const { name, trial } of trials) {
    it.live(name, () =>
      Effect.gen(function* () {
        const url = yield* sse
        yield* Effect.promise(() => trial(new NewSse(url)))
      }).pipe(Effect.provide(service()))
    )
  }

  it.live("SDK 1.32.2 answers an elicitation and ignores named events", () =>
    Effect.gen(function* () {
      const url = new URL("?client_id=old&multiplex=true", yield* sse)
      yield* Effect.promise(async () => {
        const client = new OldClient(info, { capabilities: { elicitation: {} } })
        client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ada" } }))
        await client.connect(new OldSse(url))
        const { tools } = await client.listTools()
        expect(tools.map((tool) => tool.name)).toContain("echo")
        expect(await client.callTool({ name: "ask" })).toMatchObject({ content: [{ text: "Hello Ada" }] })
        await client.close()
      })
    }).pipe(Effect.provide(service()))
  )

  it.live("EventSource of a browser receives ready, heartbeat and message events", () =>
    Effect.gen(function* () {
      const base = yield* sse
      const es = new EventSource(new URL("?client_id=local-test&multiplex=true", base))
      const once = (name: string) =>
        new Promise<string>((resolve) =>
          es.addEventListener(name, (event) => resolve(String(event.data)), { once: true })
        )
      const first = ["endpoint", "ready", "heartbeat"].map(once)
      const [where = "", ready = "", heartbeat = ""] = yield* Effect.promise(() => Promise.all(first))
      const data = JSON.parse(ready) as Record<string, unknown>
      expect(Object.keys(data).toSorted()).toEqual(["server_capabilities", "session_id"])
      expect(data.server_capabilities).toMatchObject({ tools: {} })
      expect(where).toBe(`/mcp/messages?sessionId=${String(data.session_id)}`)
      expect(JSON.parse(heartbeat)).toEqual({ heartbeat: 1, active_clients: 1 })
      const message = new Promise<string>((resolve) => {
        es.onmessage = (event) => resolve(String(event.data))
      })
      yield* post(new URL(where, base), initialize("2024-11-05"))
      const received: unknown = JSON.parse(yield* Effect.promise(() => message))
      expect(received).toMatchObject({ result: { protocolVersion: "2024-11-05" } })
      es.close()
    }).pipe(Effect.provide(service()))
  )
})

describe("the event stream", () => {
  it.live("begins with an endpoint path of its origin and has no named events by default", () =>
    Effect.gen(function* () {
      const { first, next, response, target } = yield* connect()
      expect(response.headers.get("content-type")).toBe("text/event-stream")
      expect(first?.event).toBe("endpoint")
      expect(first?.data).toStartWith("/mcp/messages?sessionId=")
      const accepted = yield* post(target, initialize("2024-11-05"))
      expect(accepted.status).toBe(202)
      expect(yield* next).toMatchObject({ event: "message" })
    }).pipe(Effect.provide(service()))
  )

  it.live("with multiplex has the channel events of its principal only", () =>
    Effect.gen(function* () {
      const channels = yield* Channels
      const both = yield* connect("?client_id=a&multiplex=true")
      const one = yield* connect("?client_id=b")
      expect((yield* both.next)?.event).toBe("ready")
      expect((yield* one.next)?.event).toBe("ready")
      expect(parsed(yield* both.next)).toMatchObject({ heartbeat: 1 })
      expect(parsed(yield* one.next)).toEqual({ heartbeat: 1, active_clients: 2 })
      yield* channels.publish("progress", principal(["read"]), { cost_usd: 9 })
      yield* channels.publish("progress", anonymousLoopback, { cost_usd: 1 })
      expect(yield* both.next).toEqual({ event: "progress", data: '{"cost_usd":1}' })
      yield* post(one.target, request(1, "ping"))
      expect((yield* one.next)?.event).toBe("message")
    }).pipe(Effect.provide(service()))
  )
})

describe("interruption over HTTP+SSE", () => {
  const eras = [
    ["session era", [initialize("2024-11-05"), request(1, "tools/call", { name: "wait" })]],
    ["stateless era", [stateless(1, "tools/call", { name: "wait", arguments: {} }).body]]
  ] as const
  for (const [era, messages] of eras) {
    it.live(`${era}: closing the stream interrupts the handler and removes its endpoint`, () =>
      Effect.gen(function* () {
        const { leave, target } = yield* connect()
        for (const message of messages) expect((yield* post(target, message)).status).toBe(202)
        yield* started
        leave()
        yield* interrupted
        expect((yield* post(target, request(2, "ping"))).status).toBe(404)
      }).pipe(Effect.provide(service()))
    )

    it.live(`${era}: notifications/cancelled interrupts the handler, and the next request is served`, () =>
      Effect.gen(function* () {
        const { next, target } = yield* connect()
        for (const message of messages) yield* post(target, message)
        yield* started
        yield* post(target, { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
        yield* interrupted
        const list = era === "session era" ? request(2, "tools/list") : stateless(2, "tools/list").body
        yield* post(target, list)
        let received = parsed(yield* next)
        if (received.id === 0) received = parsed(yield* next)
        expect(received).toMatchObject({ id: 2, result: { tools: expect.any(Array) } })
      }).pipe(Effect.provide(service()))
    )
  }

  it.live("shutdown waits for running calls before it ends the stream", () =>
    Effect.gen(function* () {
      const held = yield* Held
      const stream = yield* Effect.scoped(
        Effect.gen(function* () {
          const { next, target } = yield* connect()
          yield* post(target, initialize("2024-11-05"))
          yield* next
          yield* post(target, request(1, "tools/call", { name: "wait" }))
          yield* started
          const rest = yield* Effect.forkDetach(Effect.all([next, next]))
          yield* Effect.forkDetach(Deferred.succeed(held.release, undefined))
          return rest
        }).pipe(Effect.provide(service()))
      )
      const [received, end] = yield* Fiber.join(stream)
      expect(parsed(received)).toMatchObject({ id: 1, result: { content: [{ text: "released" }] } })
      expect(end).toBeUndefined()
    }).pipe(Effect.provide(Held.layer))
  )
})

describe("slow readers", () => {
  it.concurrent(
    "an idle stream stays open beyond the limit for idle connections",
    () =>
      Effect.gen(function* () {
        const { next, target } = yield* connect()
        // A body that never arrives shows that the limit has passed.
        const { closed, end, write } = dial(Number(target.port))
        write(`POST /mcp HTTP/1.1\r\nHost: ${target.host}\r\nContent-Length: 9\r\n`)
        write("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\r\n{")
        yield* Effect.promise(() => closed)
        end()
        yield* post(target, initialize("2024-11-05"))
        expect(yield* next).toMatchObject({ event: "message" })
      }).pipe(Effect.provide(service({ server: { idle_timeout: "1 second" } }))),
    20_000
  )

  it.concurrent("a stream that is never read is closed, and other streams continue", () =>
    Effect.gen(function* () {
      const channels = yield* Channels
      const url = yield* sse
      const reader = yield* connect("?client_id=fast&multiplex=true")
      const slow = net.connect(Number(url.port), url.hostname).pause()
      slow.write(`GET /mcp/sse?client_id=slow&multiplex=true HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
      const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      const active = Effect.andThen(turn, channels.active)
      yield* Effect.repeat(active, { until: (count) => count === 2 })
      yield* Effect.forkChild(Effect.repeat(reader.next, { until: (event) => event === undefined }))
      const event = { padding: "x".repeat(100_000) }
      const publish = Effect.andThen(channels.publish("progress", anonymousLoopback, event), active)
      yield* Effect.repeat(publish, { until: (count) => count < 2 })
      yield* post(reader.target, request(1, "ping"))
      expect(yield* channels.active).toBe(1)
      slow.destroy()
    }).pipe(Effect.provide(service({ mcp: { sessions: { max_waiting_bytes: 1_000_000 } } })))
  )
})

describe("invalid requests over HTTP+SSE", () => {
  const tokens = ["a".repeat(40), "b".repeat(40)] as const
  const auth = {
    tokens: tokens.map((token, index) => ({ name: `token-${index}`, token, scopes: ["read", "call"] }))
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  it.live("a POST to a stream of another principal or to an unknown one is rejected", () =>
    Effect.gen(function* () {
      const url = yield* sse
      const anonymous = yield* Effect.promise(() => fetch(url))
      expect(anonymous.status).toBe(401)
      expect(anonymous.headers.get("www-authenticate")).toStartWith("Bearer")
      const { next, target } = yield* connect("", bearer(tokens[0]))
      expect((yield* post(target, initialize())).status).toBe(401)
      expect((yield* post(target, initialize(), bearer(tokens[1]))).status).toBe(404)
      expect((yield* post(target, initialize(), bearer(tokens[0]))).status).toBe(202)
      expect(parsed(yield* next)).toMatchObject({ id: 0, result: {} })
      const bogus = new URL("/mcp/messages?sessionId=bogus", url)
      expect((yield* post(bogus, initialize(), bearer(tokens[0]))).status).toBe(404)
      const missing = new URL("/mcp/messages", url)
      expect((yield* post(missing, initialize(), bearer(tokens[0]))).status).toBe(400)
    }).pipe(Effect.provide(service({ auth })))
  )

  it.live("an invalid message is 4xx, and the stream continues", () =>
    Effect.gen(function* () {
      const url = yield* sse
      const { next, target } = yield* connect()
      const wrong = function* (body: unknown, status: number, code: number, headers = {}) {
        const response = yield* post(target, body, headers)
        expect([body, response.status]).toEqual([body, status])
        expect(yield* readJson(response)).toMatchObject({ id: null, error: { code } })
      }
      yield* wrong("{", 400, -32700)
      yield* wrong("", 400, -32700)
      yield* wrong({ jsonrpc: "2.0", id: {}, method: "ping" }, 400, -32600)
      // Clients that ignore the response of the POST wait for the error on the stream.
      const batch = yield* post(target, [request(1, "ping")])
      const rejected = { id: 1, error: { code: -32600 } }
      expect(yield* readJson(batch)).toMatchObject(rejected)
      expect(parsed(yield* next)).toMatchObject(rejected)
      expect((yield* post(target, "x".repeat(2001))).status).toBe(413)
      yield* wrong("{}", 415, 415, { "content-type": "text/plain" })
      yield* wrong("{}", 415, 415, { "content-encoding": "gzip" })
      const status = (at: URL, init: RequestInit) =>
        Effect.promise(() => fetch(at, init).then((response) => response.status))
      expect(yield* status(url, { method: "POST", body: "{}" })).toBe(405)
      expect(yield* status(target, { method: "GET" })).toBe(405)
      expect(yield* status(url, { headers: { accept: "application/json" } })).toBe(406)
      for (const origin of ["http://evil.example", "null"]) {
        expect(yield* status(url, { headers: { origin } })).toBe(403)
        expect(yield* status(target, { method: "POST", headers: { origin } })).toBe(403)
      }
      yield* post(target, initialize("2024-11-05"))
      expect(parsed(yield* next)).toMatchObject({ id: 0, result: {} })
    }).pipe(Effect.provide(service({ server: { max_message_bytes: 2000 } })))
  )

  it.live("the endpoint has the prefix that a proxy strips, but never a foreign URL", () =>
    Effect.gen(function* () {
      const prefixed = yield* connect("", { "x-forwarded-prefix": "/tools" })
      expect(prefixed.target.pathname).toBe("/tools/mcp/messages")
      const url = yield* sse
      for (const prefix of ["//evil.example", "https://evil.example/", "/a\\..\\b"]) {
        const { target } = yield* connect("", { "x-forwarded-prefix": prefix })
        expect([target.origin, target.pathname]).toEqual([url.origin, "/mcp/messages"])
      }
    }).pipe(Effect.provide(service()))
  )

  it.live("a request with the id of a running request is rejected, and both are interruptible", () =>
    Effect.gen(function* () {
      const { leave, next, target } = yield* connect()
      yield* post(target, initialize("2024-11-05"))
      yield* next
      const call = request(1, "tools/call", { name: "wait" })
      yield* post(target, call)
      yield* started
      expect((yield* post(target, call)).status).toBe(400)
      leave()
      yield* interrupted
    }).pipe(Effect.provide(service()))
  )

  it.live("a stream beyond the maximum is 429 until one is closed", () =>
    Effect.gen(function* () {
      const url = yield* sse
      const first = yield* connect()
      yield* connect()
      const status = Effect.promise(() => fetch(url).then((response) => response.status))
      expect(yield* status).toBe(429)
      yield* post(first.target, initialize("2024-11-05"))
      yield* post(first.target, request(1, "tools/call", { name: "wait" }))
      yield* started
      first.leave()
      yield* interrupted
      yield* connect()
    }).pipe(Effect.provide(service({ mcp: { sessions: { max: 2 } } })))
  )
})
