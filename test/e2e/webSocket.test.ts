/** MCP over WebSocket with real clients of every protocol version, control frames, and hostile clients. */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib"
import { describe, expect } from "bun:test"
import { deserializeMessage, type JSONRPCMessage, type Transport } from "@modelcontextprotocol/client"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js"
import { Deferred, Effect, Fiber } from "effect"
import { Channels } from "../../layers/events/Channels.ts"
import { anonymousLoopback } from "../../src/domain/Principal.ts"
import { principal } from "../support/callTool.ts"
import { info, trials } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { closeCode, frame, frames, opcodes, rawSocket } from "../support/rawWebSocket.ts"
import {
  endpoint,
  Held,
  initialize,
  request,
  service,
  stateless,
  interrupted,
  started
} from "../support/service.ts"
import { webSocket } from "../support/webSocket.ts"
import { leastOf } from "../support/leastOf.ts"

const ws = Effect.map(endpoint, (url) => new URL(`ws://${url.host}/mcp/ws`))
const connected = Effect.flatMap(ws, (url) => webSocket(url))

/** A WebSocket transport for SDK 2.4.0, which has none. */
class NewSocket implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport["onmessage"]>
  readonly #socket: WebSocket
  constructor(url: URL) {
    this.#socket = new WebSocket(url, "mcp")
    this.#socket.onmessage = ({ data }) => this.onmessage?.(deserializeMessage(String(data)))
    this.#socket.onclose = () => this.onclose?.()
  }
  start() {
    return new Promise<void>((resolve, reject) => {
      this.#socket.onopen = () => resolve()
      this.#socket.onerror = () => reject(new Error("cannot connect"))
    })
  }
  async send(message: JSONRPCMessage) {
    this.#socket.send(JSON.stringify(message))
  }
  async close() {
    this.#socket.close()
  }
}

describe("over WebSocket, the client", () => {
  for (const { name, trial } of trials) {
    it.live(name, () =>
      Effect.gen(function* () {
        const url = yield* ws
        yield* Effect.promise(() => trial(new NewSocket(url)))
      }).pipe(Effect.provide(service()))
    )
  }

  it.live("SDK 1.32.2", () =>
    Effect.gen(function* () {
      const url = yield* ws
      yield* Effect.promise(async () => {
        const client = new OldClient(info)
        await client.connect(new WebSocketClientTransport(url))
        const { tools } = await client.listTools()
        expect(tools.map((tool) => tool.name)).toContain("echo")
        expect(await client.callTool({ name: "math.sub", arguments: { a: 5, b: 3 } })).toMatchObject({
          structuredContent: { result: 2 }
        })
        await client.close()
      })
    }).pipe(Effect.provide(service()))
  )

  it.live("of a browser gets a pong for its ping", () =>
    Effect.gen(function* () {
      const url = yield* ws
      yield* Effect.promise(async () => {
        const socket = new WebSocket(url)
        socket.onopen = () => socket.send(JSON.stringify({ type: "ping", data: "Hello Server" }))
        const pong = await new Promise<string>((resolve) => {
          socket.onmessage = (event) => resolve(String(event.data))
        })
        expect(JSON.parse(pong)).toEqual({ type: "pong", data: "Hello Server" })
        const closed = new Promise<CloseEvent>((resolve) => {
          socket.onclose = resolve
        })
        socket.close(1000, "done")
        expect(await closed).toMatchObject({ code: 1000 })
      })
    }).pipe(Effect.provide(service()))
  )
})

describe("control frames", () => {
  it.live("share one socket with MCP messages", () =>
    Effect.gen(function* () {
      const { next, send } = yield* connected
      yield* send({ type: "ping" })
      expect(yield* next).toEqual({ type: "pong" })
      yield* send(initialize("2025-06-18"))
      expect(yield* next).toMatchObject({ id: 0, result: { protocolVersion: "2025-06-18" } })
      yield* send({ type: "ping", data: [1, null] })
      expect(yield* next).toEqual({ type: "pong", data: [1, null] })
    }).pipe(Effect.provide(service()))
  )

  it.live("subscribe to channels, which have the events of the principal only", () =>
    Effect.gen(function* () {
      const channels = yield* Channels
      const { next, send } = yield* connected
      const publish = (cost: number) => channels.publish("usage", anonymousLoopback, { cost })
      yield* publish(1) // before the subscription
      yield* send({ type: "subscribe", channels: ["usage", "heartbeat", "usage"] })
      expect(yield* next).toEqual({ type: "subscribed", channels: ["usage", "heartbeat"] })
      const heartbeat = { heartbeat: 1, active_clients: 1 }
      expect(yield* next).toEqual({ type: "event", channel: "heartbeat", data: heartbeat })
      yield* channels.publish("usage", principal(["read"]), { cost: 2 })
      yield* publish(3)
      expect(yield* next).toEqual({ type: "event", channel: "usage", data: { cost: 3 } })
      yield* send({ type: "subscribe", channels: [] })
      expect(yield* next).toEqual({ type: "subscribed", channels: [] })
      yield* publish(4)
      yield* send({ type: "ping" })
      expect(yield* next).toEqual({ type: "pong" })
    }).pipe(Effect.provide(service()))
  )

  it.live("of an unknown type get an error", () =>
    Effect.gen(function* () {
      const { next, send } = yield* connected
      const error = (code: string) => ({ type: "error", error: { code, message: expect.any(String) } })
      for (const type of ["chat", "", "constructor", "pong"]) {
        yield* send({ type })
        expect(yield* next).toEqual(error("unknown_type"))
      }
      for (const wrong of [undefined, "usage", ["absent"], [1], { 0: "usage" }, ["__proto__"]]) {
        yield* send({ type: "subscribe", channels: wrong })
        expect(yield* next).toEqual(error("invalid_channels"))
      }
    }).pipe(Effect.provide(service()))
  )
})

describe("the upgrade", () => {
  const token = "t".repeat(40)
  const auth = { tokens: [{ name: "me", token, scopes: ["read", "call"] }] }

  it.live("requires a token", () =>
    Effect.gen(function* () {
      const url = yield* ws
      const refused = yield* rawSocket(url)
      expect(refused.status).toBe(401)
      expect(refused.head.toLowerCase()).toContain("www-authenticate: bearer")
      const { next, send } = yield* webSocket(url, { headers: { authorization: `Bearer ${token}` } })
      yield* send(initialize())
      expect(yield* next).toMatchObject({ id: 0, result: {} })
    }).pipe(Effect.provide(service({ auth })))
  )

  it.live("selects the subprotocol mcp if it is offered and no other", () =>
    Effect.gen(function* () {
      const url = yield* ws
      const offer = (protocols: string) =>
        Effect.map(rawSocket(url, { "sec-websocket-protocol": protocols }), ({ head, status }) => [
          status,
          /^sec-websocket-protocol: *(.*)$/im.exec(head)?.[1]
        ])
      expect(yield* offer("mcp")).toEqual([101, "mcp"])
      expect(yield* offer("chat, mcp")).toEqual([101, "mcp"])
      expect(yield* offer("mcp2")).toEqual([400, undefined])
    }).pipe(Effect.provide(service()))
  )

  it.live("rejects foreign origins and hosts, other methods and requests without an upgrade", () =>
    Effect.gen(function* () {
      const url = yield* ws
      const status = (headers: Record<string, string>) =>
        Effect.map(rawSocket(url, headers), (socket) => socket.status)
      expect(yield* status({ origin: "http://evil.example" })).toBe(403)
      expect(yield* status({ origin: "null" })).toBe(403)
      expect(yield* status({ host: "evil.example" })).toBe(421)
      expect(yield* status({ upgrade: "h2c" })).toBe(426)
      expect(yield* status({ "sec-websocket-key": "short" })).toBe(426)
      const http = new URL(url.href.replace("ws:", "http:"))
      const plain = yield* Effect.promise(() => fetch(http))
      expect([plain.status, plain.headers.get("upgrade")]).toEqual([426, "websocket"])
      expect((yield* Effect.promise(() => fetch(http, { method: "POST", body: "{}" }))).status).toBe(405)
    }).pipe(Effect.provide(service()))
  )

  it.live("rejects connections beyond the maximum until one closes", () =>
    Effect.gen(function* () {
      const url = yield* ws
      const first = yield* rawSocket(url)
      yield* rawSocket(url)
      expect((yield* rawSocket(url)).status).toBe(429)
      first.socket.write(frame(Buffer.from([0x03, 0xe8]), { opcode: opcodes.close }))
      yield* first.ended
      expect((yield* rawSocket(url)).status).toBe(101)
    }).pipe(Effect.provide(service({ mcp: { sessions: { max: 2 } } })))
  )
})

describe("interruption over WebSocket", () => {
  const eras = [
    ["session era", [initialize(), request(1, "tools/call", { name: "wait" })]],
    ["stateless era", [stateless(1, "tools/call", { name: "wait", arguments: {} }).body]]
  ] as const
  for (const [era, messages] of eras) {
    it.live(`${era}: closing the socket interrupts the handler`, () =>
      Effect.gen(function* () {
        const { send, socket } = yield* connected
        for (const message of messages) yield* send(message)
        yield* started
        socket.close()
        yield* interrupted
      }).pipe(Effect.provide(service()))
    )

    it.live(`${era}: a broken connection interrupts the handler`, () =>
      Effect.gen(function* () {
        const { socket } = yield* rawSocket(yield* ws)
        for (const message of messages) socket.write(frame(JSON.stringify(message)))
        yield* started
        socket.resetAndDestroy()
        yield* interrupted
      }).pipe(Effect.provide(service()))
    )

    it.live(`${era}: notifications/cancelled interrupts the handler, and the next request is served`, () =>
      Effect.gen(function* () {
        const { next, send } = yield* connected
        for (const message of messages) yield* send(message)
        yield* started
        yield* send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
        yield* interrupted
        yield* send(era === "session era" ? request(2, "tools/list") : stateless(2, "tools/list").body)
        let response = yield* next
        if (response?.id === 0) response = yield* next
        expect(response).toMatchObject({ id: 2, result: { tools: expect.any(Array) } })
      }).pipe(Effect.provide(service()))
    )
  }

  /** A service that stops while `wait` runs on a socket. */
  const stopping = (config: Record<string, unknown>, before: Effect.Effect<unknown>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { closed, next, send } = yield* webSocket(yield* ws)
        yield* send(initialize())
        yield* next
        yield* send(request(1, "tools/call", { name: "wait" }))
        yield* started
        const seen = yield* Effect.forkDetach(Effect.all([next, closed]))
        yield* Effect.forkDetach(before)
        return seen
      }).pipe(Effect.provide(service(config)))
    ).pipe(Effect.flatMap(Fiber.join))

  it.live("shutdown waits for running calls before it closes with 1001", () =>
    Effect.gen(function* () {
      const held = yield* Held
      const [response, close] = yield* stopping({}, Deferred.succeed(held.release, undefined))
      expect(response).toMatchObject({ id: 1, result: { content: [{ text: "released" }] } })
      expect(close.code).toBe(1001)
    }).pipe(Effect.provide(Held.layer))
  )

  it.live("shutdown waits no longer than its time limit", () =>
    Effect.gen(function* () {
      const held = yield* Held
      const [response, close] = yield* stopping({ server: { shutdown_timeout: "100 millis" } }, Effect.void)
      expect(response).toBeUndefined()
      expect(close.code).toBe(1001)
      yield* Deferred.await(held.interrupted)
    }).pipe(Effect.provide(Held.layer))
  )
})

describe("over WebSocket, a message", () => {
  it.live("that is invalid gets an error, and the next one is served", () =>
    Effect.gen(function* () {
      const { next, send } = yield* connected
      const wrong = function* (message: unknown, code: number, id: number | null = null) {
        yield* send(message)
        expect(yield* next).toMatchObject({ jsonrpc: "2.0", id, error: { code } })
      }
      yield* wrong("{", -32700)
      yield* wrong("", -32700)
      yield* wrong("\uFEFF\uFEFF{}", -32700)
      yield* wrong("null", -32600)
      yield* wrong("[]", -32600)
      yield* wrong({ jsonrpc: "2.0", id: {}, method: "ping" }, -32600)
      yield* wrong({ jsonrpc: "1.0", id: 1, method: "ping" }, -32600, 1)
      yield* wrong({ jsonrpc: "2.0", id: 2, method: "ping", params: [] }, -32602, 2)
      yield* wrong({ hello: 1 }, -32600)
      yield* wrong([request(3, "ping")], -32600, 3)
      yield* wrong(`${"[".repeat(100_000)}${"]".repeat(100_000)}`, -32600)
      const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
      yield* wrong(`{"type":"ping","data":${nested}}`, -32600)
      yield* send(initialize())
      expect(yield* next).toMatchObject({ id: 0, result: {} })
    }).pipe(Effect.provide(service()))
  )

  it.live("with the id of a running request is rejected, and both requests are interruptible", () =>
    Effect.gen(function* () {
      const { next, send, socket } = yield* connected
      yield* send(initialize())
      yield* next
      yield* send(request(1, "tools/call", { name: "wait" }))
      yield* started
      yield* send(request(1, "tools/call", { name: "wait" }))
      expect(yield* next).toMatchObject({ id: null, error: { code: -32600 } })
      socket.close()
      yield* interrupted
    }).pipe(Effect.provide(service()))
  )

  it.live("may be a batch in 2025-03-26", () =>
    Effect.gen(function* () {
      const { next, send } = yield* connected
      yield* send(initialize("2025-03-26"))
      yield* next
      yield* send([request(1, "ping"), request(2, "ping")])
      const responses = yield* Effect.all([next, next])
      expect(responses.map((response) => response?.id)).toEqual([1, 2])
    }).pipe(Effect.provide(service()))
  )
})

describe("hostile frames", () => {
  const limit = 100_000
  const cases: ReadonlyArray<readonly [string, Buffer, number]> = [
    ["that is binary", frame(new Uint8Array([1, 2, 3]), { opcode: opcodes.binary }), 1003],
    ["over max_message_bytes", frame("x".repeat(limit + 1)), 1009],
    ["that is unmasked", frame("{}", { masked: false }), 1002],
    ["with invalid UTF-8", frame(new Uint8Array([0xff, 0xfe])), 1007],
    ["with RSV1 but no extension", frame("{}", { reserved: true }), 1002],
    ["with opcode 3", frame("{}", { opcode: opcodes.reserved }), 1002],
    ["with a length of 2^63", frame("{}", { length: 2n ** 63n }), 1009]
  ]
  for (const [name, bytes, code] of cases) {
    it.live(`a frame ${name} closes its socket with ${code}, and other sockets are served`, () =>
      Effect.gen(function* () {
        const url = yield* ws
        const other = yield* webSocket(url)
        const hostile = yield* rawSocket(url)
        expect(hostile.status).toBe(101)
        hostile.socket.write(bytes)
        expect(closeCode(yield* hostile.ended)).toBe(code)
        yield* other.send({ type: "ping" })
        expect(yield* other.next).toEqual({ type: "pong" })
      }).pipe(Effect.provide(service({ server: { max_message_bytes: limit } })))
    )
  }

  it.live("a message of exactly max_message_bytes is served", () =>
    Effect.gen(function* () {
      const { next, send } = yield* connected
      const text = JSON.stringify({ type: "ping", data: "" })
      yield* send(text + " ".repeat(limit - text.length))
      expect(yield* next).toEqual({ type: "pong", data: "" })
    }).pipe(Effect.provide(service({ server: { max_message_bytes: limit } })))
  )
})

describe("permessage-deflate", () => {
  const offer = { "sec-websocket-extensions": "permessage-deflate; client_max_window_bits" }
  /** RFC 7692, section 7.2.1. */
  const deflate = (text: string) =>
    deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
  const limit = 100_000

  it.live("is negotiated, and long messages are compressed in both directions", () =>
    Effect.gen(function* () {
      const { head, received, socket } = yield* rawSocket(yield* ws, offer)
      expect(head.toLowerCase()).toContain("sec-websocket-extensions: permessage-deflate")
      const arrived = Effect.promise(() => new Promise((resolve) => socket.once("data", resolve)))
      for (const [data, compressed] of [
        ["short", false],
        ["long".repeat(1000), true]
      ] as const) {
        const before = received().length
        const ping = JSON.stringify({ type: "ping", data })
        socket.write(frame(deflate(ping), { reserved: true }))
        yield* arrived
        const [pong] = frames(received().subarray(before))
        expect(pong?.compressed).toBe(compressed)
        const payload = pong?.payload ?? Buffer.alloc(0)
        const tail = Buffer.from([0x00, 0x00, 0xff, 0xff])
        const text = compressed
          ? inflateRawSync(Buffer.concat([payload, tail]), { finishFlush: constants.Z_SYNC_FLUSH })
          : payload
        expect(JSON.parse(text.toString())).toEqual({ type: "pong", data })
      }
    }).pipe(Effect.provide(service()))
  )

  it.live("closes a socket that sends a decompression bomb with 1009, and other sockets are served", () =>
    Effect.gen(function* () {
      const url = yield* ws
      const other = yield* webSocket(url)
      const bomb = deflate("a".repeat(50_000_000))
      expect(bomb.length).toBeLessThan(limit)
      const growth = Effect.gen(function* () {
        const { ended, socket } = yield* rawSocket(url, offer)
        Bun.gc(true)
        const before = process.memoryUsage.rss()
        socket.write(frame(bomb, { reserved: true }))
        expect(closeCode(yield* ended)).toBe(1009)
        return process.memoryUsage.rss() - before
      })
      const most = 32 * 1024 * 1024
      expect(yield* leastOf(most, growth)).toBeLessThan(most)
      yield* other.send({ type: "ping" })
      expect(yield* other.next).toEqual({ type: "pong" })
    }).pipe(Effect.provide(service({ server: { max_message_bytes: limit } })))
  )
})

describe("slow readers", () => {
  it.live("a socket that is never read is closed with 1013 and its calls are interrupted", () =>
    Effect.gen(function* () {
      const url = yield* ws
      const other = yield* webSocket(url)
      const slow = yield* rawSocket(url)
      for (const message of [initialize(), request(1, "tools/call", { name: "wait" })]) {
        slow.socket.write(frame(JSON.stringify(message)))
      }
      yield* started
      slow.socket.pause()
      const ping = frame(JSON.stringify({ type: "ping", data: "x".repeat(200_000) }))
      const before = process.memoryUsage.rss()
      const flood = Effect.repeat(
        Effect.promise(() => new Promise((resolve) => slow.socket.write(ping, resolve))),
        { until: () => false }
      )
      yield* Effect.race(flood, interrupted)
      // Twice the size of a message plus the kernel's buffers.
      expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
      yield* other.send({ type: "ping" })
      expect(yield* other.next).toEqual({ type: "pong" })
      slow.socket.resume()
      const received = yield* slow.ended
      expect(frames(received).at(-1)?.opcode).toBe(opcodes.close)
      expect(closeCode(received)).toBe(1013)
    }).pipe(Effect.provide(service({ server: { max_message_bytes: 500_000 } })))
  )
})
