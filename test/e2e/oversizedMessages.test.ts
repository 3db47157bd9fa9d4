/** Messages of upstream servers above `server.max_message_bytes`: their calls fail at once, and others on the connection go on. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { Deferred, Effect, Exit, type Layer, ManagedRuntime, Scope } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { callTool } from "../support/callTool.ts"
import { endpoint, Held, service, started } from "../support/service.ts"

const maxBytes = 100_000
const inputSchema = { type: "object" }
const large = { content: [{ type: "text" as const, text: "x".repeat(maxBytes) }] }

type Running = ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>

const scope = Scope.makeUnsafe()
const far = ManagedRuntime.make(service())
let front: Running

/**
 * A server of the session era whose streams can be resumed, and then have the same events again. Resumed streams are counted.
 */
let resumed = 0
const resumable = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    const stream = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream" } })
    const tooLarge = (id: unknown) =>
      stream(
        `retry: 1\nid: 1\ndata:\n\nid: 2\ndata: ${JSON.stringify({ jsonrpc: "2.0", result: large, id })}\n\n`
      )
    if (request.headers.has("last-event-id")) {
      resumed++
      return tooLarge("m3")
    }
    if (request.method !== "POST") return new Response(null, { status: 405 })
    const { id, method } = (await request.json()) as { id?: unknown; method: string }
    if (id === undefined) return new Response(null, { status: 202 })
    const answer = (result: object) => Response.json({ jsonrpc: "2.0", id, result })
    if (method === "initialize") {
      const serverInfo = { name: "resumable", version: "1" }
      return answer({ protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo })
    }
    if (method === "tools/list") return answer({ tools: [{ name: "large", inputSchema }] })
    return method === "tools/call" ? tooLarge(id) : new Response(null, { status: 400 })
  }
})

beforeAll(async () => {
  const tool = rawTool({ name: "large", inputSchema }, () => Effect.succeed(large))
  await far.runPromise(
    Effect.flatMap(Catalog, (catalog) =>
      Scope.provide(catalog.contribute({ owner: "test", entries: { tools: [tool] } }), scope)
    )
  )
  const url = await far.runPromise(endpoint)
  const socket = new URL("/mcp/ws", url)
  socket.protocol = "ws:"
  front = ManagedRuntime.make(
    service({
      server: { max_message_bytes: maxBytes },
      mcpServers: {
        http: { url: url.href },
        sse: { url: `${url.href}/sse`, type: "sse" },
        ws: { url: socket.href },
        resumable: { url: new URL("/mcp", resumable.url).href }
      }
    })
  )
  await front.runPromise(endpoint)
})

afterAll(async () => {
  await front.dispose()
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await far.dispose()
  await resumable.stop(true)
})

const fails = (server: string) =>
  front.runPromise(Effect.map(Effect.result(callTool(`${server}__large`, {})), (result) => result))

const tooLarge = {
  _tag: "Failure",
  failure: { _tag: "Failed", detail: expect.stringContaining(`more than ${maxBytes} bytes`) }
}

test.each(["http", "sse", "ws"])(
  "over %s, the call fails with the reason, and one that runs beside it succeeds",
  async (server) => {
    const held = await far.runPromise(Held)
    const beside = front.runPromise(callTool(`${server}__wait`, {}))
    await far.runPromise(started)
    expect(await fails(server)).toMatchObject(tooLarge)
    await far.runPromise(Deferred.succeed(held.release, undefined))
    expect(await beside).toMatchObject({ content: [{ text: "released" }] })
    const servers = await front.runPromise(Effect.flatMap(Upstreams, ({ list }) => list))
    expect(servers.find(({ name }) => name === server)).toMatchObject({ state: "ready" })
  }
)

test("over a stream that could be resumed, it fails with the reason, and the stream is not resumed", async () => {
  expect(await fails("resumable")).toMatchObject(tooLarge)
  expect(resumed).toBe(0)
})
