/** Upstream servers over WebSocket: this service at `/mcp/ws`, and a server of the older SDK. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { Deferred, Duration, Effect, Exit, Fiber, ManagedRuntime, Scope } from "effect"
import { callerFetch } from "../../layers/upstream/callerFetch.ts"
import type { Connection } from "../../layers/upstream/Connection.ts"
import { openConnection, type OpenOptions } from "../../layers/upstream/openConnection.ts"
import * as outbound from "../../layers/outbound/section.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { newClients } from "../support/clients.ts"
import { endpoint, Held, service } from "../support/service.ts"
import { stdioServices } from "../support/stdioServices.ts"

const maxMessageBytes = 100_000
const scope = Scope.makeUnsafe()
const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.runPromise(Scope.provide(effect, scope))

type Socket = Bun.ServerWebSocket<{ transport: Transport | undefined }>
const sockets = new Set<Socket>()
const sdkServer = () => {
  const server = new Server({ name: "sdk", version: "1" }, { capabilities: { tools: {} } })
  const names = ["echo", "large", "ask"]
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: names.map((name) => ({ name, inputSchema: { type: "object" as const } }))
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const text = async () => {
      if (params.name === "large") return "x".repeat(maxMessageBytes)
      if (params.name !== "ask") return "hello"
      const requestedSchema = { type: "object" as const, properties: {} }
      return (await server.elicitInput({ message: "Sure?", requestedSchema })).action
    }
    return { content: [{ type: "text", text: await text() }] }
  })
  return server
}

const sdk = Bun.serve<{ transport: Transport | undefined }>({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => {
    if (request.headers.get("authorization") !== "Bearer secret") return new Response(null, { status: 401 })
    return server.upgrade(request, { data: { transport: undefined } })
      ? undefined
      : new Response(null, { status: 400 })
  },
  websocket: {
    open: (socket) => {
      const transport: Transport = {
        start: async () => {},
        send: async (message) => void socket.send(JSON.stringify(message)),
        close: async () => socket.close()
      }
      socket.data.transport = transport
      sockets.add(socket)
      void sdkServer().connect(transport)
    },
    message: (socket, text) => socket.data.transport?.onmessage?.(JSON.parse(String(text))),
    close: (socket) => {
      sockets.delete(socket)
      socket.data.transport?.onclose?.()
    }
  }
})

const url = `ws://127.0.0.1:${sdk.port}/mcp`
const authorized = { Authorization: "Bearer secret" }
const behind = ManagedRuntime.make(service())
const config = {
  mcp: { connection: { initial_reconnect_delay: "20 millis" } },
  server: { max_message_bytes: maxMessageBytes },
  mcpServers: { sdk: { url, type: "ws", headers: authorized } }
}
const front = ManagedRuntime.make(service(config))

beforeAll(() => behind.runPromise(endpoint))
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await front.dispose()
  await behind.dispose()
  await sdk.stop(true)
})

const open = (to: string, options: Partial<OpenOptions> = {}) =>
  openConnection({
    server: "test",
    settings: { enabled: true, url: to, time_limit: Duration.minutes(1) },
    maxMessageBytes,
    timeout: Duration.seconds(20),
    ask: () => Promise.resolve({ action: "decline" }),
    onNotification: () => {},
    ...options
  }).pipe(Effect.provide(stdioServices))

const own = (connection: Connection, name: string, args = {}) =>
  connection.request("tools/call", { name, arguments: args })

const atService = Effect.promise(() =>
  behind.runPromise(
    Effect.map(endpoint, (http) => {
      const socket = new URL("/mcp/ws", http)
      socket.protocol = "ws:"
      return socket.href
    })
  )
)

test("requests, progress and cancellation pass to a stateless server", async () => {
  const held = await behind.runPromise(Held)
  await run(
    Effect.gen(function* () {
      const connection = yield* open(yield* atService)
      expect(connection.era).toBe("stateless")
      expect(yield* own(connection, "math.add", { a: 1, b: 2 })).toMatchObject({
        structuredContent: { result: 3 }
      })
      const first = yield* Deferred.make<unknown>()
      const ticking = yield* Effect.forkChild(
        connection.request(
          "tools/call",
          { name: "tick", arguments: {} },
          { onProgress: (update) => Deferred.doneUnsafe(first, Exit.succeed(update)) }
        )
      )
      expect(yield* Deferred.await(first)).toMatchObject({ progress: expect.any(Number) })
      yield* Fiber.interrupt(ticking)
      yield* Deferred.await(held.interrupted)
    })
  )
})

test("a client calls a server of the older SDK, and calls again after the socket was lost", async () => {
  const [, make] = newClients[0]
  const client = make({ capabilities: { elicitation: { form: {} } } })
  client.setRequestHandler("elicitation/create", () => ({ action: "decline" }))
  await client.connect(new StreamableHTTPClientTransport(await front.runPromise(endpoint)))
  const call = (name: string) => client.callTool({ name: `sdk__${name}`, arguments: {} })
  expect(await call("ask")).toMatchObject({ content: [{ text: "decline" }] })
  for (const socket of sockets) socket.terminate()
  expect(await call("echo")).toMatchObject({ content: [{ text: "hello" }] })
  expect(await front.runPromise(Effect.flatMap(Upstreams, ({ list }) => list))).toMatchObject([
    { state: "ready" }
  ])
  expect(await call("large")).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining(`more than ${maxMessageBytes} bytes`) }]
  })
  expect(await call("echo")).toMatchObject({ content: [{ text: "hello" }] })
  await client.close()
})

test("a rejected handshake names its HTTP status, and an unreachable server its stage", async () => {
  expect(await run(Effect.flip(open(url)))).toMatchObject({ stage: "authenticate" })
  expect(await run(Effect.flip(open("ws://127.0.0.1:1/mcp")))).toMatchObject({ stage: "connect" })
})

test("the address is checked before the socket is opened", async () => {
  const settings = await behind.runPromise(
    Effect.flatMap(ConfigSource, (source) => source.read(outbound.section))
  )
  const before = sockets.size
  const dns = Dns.of({ lookup: () => Effect.succeed(["127.0.0.1"]) })
  const fetch = callerFetch({ dns, settings, allowPrivate: false, maxBytes: maxMessageBytes })
  const denied = await run(Effect.flip(open(url.replace("127.0.0.1", "rebinding.example"), { fetch })))
  expect(denied.detail).toContain("rebinding.example has an address that is not public")
  expect(sockets.size).toBe(before)
})
