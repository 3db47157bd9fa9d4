/** MCP over streamable HTTP with real clients: both SDK generations, every protocol version, and documented examples. */
import { describe, expect } from "bun:test"
import { StreamableHTTPClientTransport as NewHttp } from "@modelcontextprotocol/client"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport as OldHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { Effect } from "effect"
import { info, newClients, pinned, tryOut } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import {
  endpoint,
  initialize,
  openSession,
  post,
  readJson,
  request,
  service,
  stateless
} from "../support/service.ts"

describe("over streamable HTTP, the client", () => {
  for (const [name, make, version] of newClients) {
    it.live(name, () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        yield* Effect.promise(async () => {
          const client = make()
          await tryOut(client, new NewHttp(url), version)
          const wrong = await client.callTool({ name: "math.add", arguments: { a: "two" } })
          expect(wrong).toMatchObject({ isError: true })
          const { contents } = await client.readResource({ uri: "health://ping" })
          expect(JSON.parse((contents[0] as { text: string }).text)).toMatchObject({ status: "healthy" })
          await expect(client.callTool({ name: "absent" })).rejects.toMatchObject({ code: -32602 })
          await client.close()
        })
      }).pipe(Effect.provide(service()))
    )
  }

  it.live("SDK 1.32.2 answers an elicitation", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      yield* Effect.promise(async () => {
        const client = new OldClient(info, { capabilities: { elicitation: {} } })
        client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ada" } }))
        await client.connect(new OldHttp(url) as never)
        const { tools } = await client.listTools()
        expect(tools.map((tool) => tool.name)).toContain("echo")
        expect(await client.callTool({ name: "echo", arguments: { message: "Hi" } })).toMatchObject({
          structuredContent: { message: "Hi" }
        })
        expect(await client.callTool({ name: "ask" })).toMatchObject({ content: [{ text: "Hello Ada" }] })
        await client.close()
      })
    }).pipe(Effect.provide(service()))
  )

  it.live("SDK 2.4.0 without a session answers an input request in several rounds", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      yield* Effect.promise(async () => {
        const client = pinned({ capabilities: { elicitation: {} } })
        client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { name: "Ada" } }))
        await client.connect(new NewHttp(url))
        expect(await client.callTool({ name: "ask" })).toMatchObject({ content: [{ text: "Hello Ada" }] })
        await client.close()
      })
    }).pipe(Effect.provide(service()))
  )
})

describe("protocol versions", () => {
  for (const version of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
    it.live(`${version} is negotiated on /mcp and /mcp/`, () =>
      Effect.gen(function* () {
        for (const url of [yield* endpoint, new URL("/mcp/", yield* endpoint)]) {
          const response = yield* post(url, initialize(version))
          expect(yield* readJson(response)).toMatchObject({ result: { protocolVersion: version } })
        }
      }).pipe(Effect.provide(service()))
    )
  }

  it.live("an unknown protocol version is answered with the newest one that has sessions", () =>
    Effect.gen(function* () {
      const response = yield* post(yield* endpoint, initialize("1999-01-01"))
      expect(yield* readJson(response)).toMatchObject({ result: { protocolVersion: "2025-11-25" } })
    }).pipe(Effect.provide(service()))
  )

  it.live("a batch is served in 2025-03-26 and rejected in later versions", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const batch = [
        request(1, "ping"),
        request(2, "tools/list"),
        { jsonrpc: "2.0", method: "notifications/x" }
      ]
      const old = yield* post(url, batch, yield* openSession(url, "2025-03-26"))
      const responses = (yield* readJson(old)) as unknown as ReadonlyArray<{ id: number }>
      expect(responses.map(({ id }) => id).toSorted()).toEqual([1, 2])
      for (const version of ["2025-06-18", "2025-11-25"]) {
        const response = yield* post(url, batch, yield* openSession(url, version))
        expect(response.status).toBe(400)
      }
    }).pipe(Effect.provide(service()))
  )
})

describe("the connection flow of a hosted AI client", () => {
  it.live("is initialize, initialized, list, call", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const hello = yield* post(url, {
        method: "initialize",
        params: {
          protocolVersion: "2025-06-18",
          capabilities: {},
          clientInfo: { name: "Anthropic/ClaudeAI", version: "1.0.0" }
        },
        jsonrpc: "2.0",
        id: 0
      })
      expect(hello.status).toBe(200)
      const session = { "mcp-session-id": hello.headers.get("mcp-session-id") ?? "" }
      const accepted = yield* post(url, { method: "notifications/initialized", jsonrpc: "2.0" }, session)
      expect(accepted.status).toBe(202)
      const list = yield* post(url, { method: "tools/list", params: {}, jsonrpc: "2.0", id: 1 }, session)
      expect(JSON.stringify(yield* readJson(list))).toContain('"echo"')
      const call = yield* post(
        url,
        {
          method: "tools/call",
          params: { name: "echo", arguments: { message: "Hello from Claude!" } },
          jsonrpc: "2.0",
          id: 2
        },
        session
      )
      expect(yield* readJson(call)).toMatchObject({ result: { content: [{ text: "Hello from Claude!" }] } })
    }).pipe(Effect.provide(service()))
  )

  it.live("starts with initialize without capabilities and clientInfo", () =>
    Effect.gen(function* () {
      const body = '{"method":"initialize","params":{"protocolVersion":"2025-06-18"},"jsonrpc":"2.0","id":0}'
      const response = yield* post(yield* endpoint, body)
      expect(yield* readJson(response)).toMatchObject({ id: 0, result: { protocolVersion: "2025-06-18" } })
    }).pipe(Effect.provide(service()))
  )
})

describe("in the stateless era", () => {
  it.live("a request needs no session and its result has a result type", () =>
    Effect.gen(function* () {
      const { body, headers } = stateless(1, "tools/call", { name: "math.sub", arguments: { a: 2, b: 3 } })
      const response = yield* post(yield* endpoint, body, headers)
      expect(response.headers.get("mcp-session-id")).toBeNull()
      expect(yield* readJson(response)).toMatchObject({
        id: 1,
        result: { resultType: "complete", structuredContent: { result: -1 } }
      })
    }).pipe(Effect.provide(service()))
  )

  it.live("a list result has a cache TTL and scope", () =>
    Effect.gen(function* () {
      const { body, headers } = stateless(1, "tools/list")
      const response = yield* post(yield* endpoint, body, headers)
      expect(yield* readJson(response)).toMatchObject({ result: { ttlMs: 60_000, cacheScope: "private" } })
    }).pipe(Effect.provide(service()))
  )

  it.live("a tampered requestState and the requestState of another request are rejected", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const ask = stateless(1, "tools/call", { name: "ask", arguments: {} }, { elicitation: {} })
      const first = yield* readJson(yield* post(url, ask.body, ask.headers))
      const { requestState } = first.result as { requestState: string }
      expect(first).toMatchObject({ result: { resultType: "input_required", inputRequests: { name: {} } } })
      const inputResponses = { name: { action: "accept", content: { name: "Ada" } } }
      const again = (name: string, state: string) => {
        const next = stateless(2, "tools/call", { name, arguments: {} }, { elicitation: {} })
        return post(
          url,
          { ...next.body, params: { ...next.body.params, inputResponses, requestState: state } },
          next.headers
        )
      }
      expect(yield* readJson(yield* again("ask", requestState))).toMatchObject({
        result: { content: [{ text: "Hello Ada" }] }
      })
      expect(yield* readJson(yield* again("wait", requestState))).toMatchObject({ error: { code: -32602 } })
      expect(yield* readJson(yield* again("ask", `${requestState}x`))).toMatchObject({
        error: { code: -32602 }
      })
    }).pipe(Effect.provide(service()))
  )
})
