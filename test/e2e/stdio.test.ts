/** The stdio server with real clients: every protocol version, invalid lines, and the end of the input. */
import { describe, expect } from "bun:test"
import { StdioClientTransport as NewStdio } from "@modelcontextprotocol/client/stdio"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport as OldStdio } from "@modelcontextprotocol/sdk/client/stdio.js"
import { Effect } from "effect"
import { info, newClients, tryOut } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { initialize, request, stateless } from "../support/service.ts"
import { command, manifold, startStdio } from "../support/stdio.ts"

describe("over stdio, the client", () => {
  for (const [name, make, version] of newClients) {
    it.live(name, () =>
      Effect.promise(async () => {
        const client = make()
        await tryOut(client, new NewStdio({ ...command, stderr: "ignore" }), version)
        await client.close()
      })
    )
  }

  it.live("SDK 1.32.2", () =>
    Effect.promise(async () => {
      const client = new OldClient(info)
      await client.connect(new OldStdio({ ...command, stderr: "ignore" }))
      const { tools } = await client.listTools()
      expect(tools.map((tool) => tool.name)).toContain("math.sub")
      await client.close()
    })
  )
})

describe("a line", () => {
  it.live("that is invalid gets an error, and the next line is served", () =>
    Effect.gen(function* () {
      const { next, send } = yield* startStdio({ MCP_CONFIG_JSON: '{"server":{"max_message_bytes":2000}}' })
      yield* send("this is not JSON")
      expect(yield* next).toMatchObject({ id: null, error: { code: -32700 } })
      yield* send('{"jsonrpc":"2.0","id":{},"method":"ping"}')
      expect(yield* next).toMatchObject({ id: null, error: { code: -32600 } })
      yield* send(request(1, "ping", { padding: "x".repeat(3000) }))
      expect(yield* next).toMatchObject({ id: null, error: { code: -32600 } })
      yield* send(initialize("2025-06-18", 2))
      expect(yield* next).toMatchObject({ id: 2, result: { protocolVersion: "2025-06-18" } })
      yield* send(request(3, "tools/call", { name: "echo", arguments: { message: "hello" } }))
      expect(yield* next).toMatchObject({ id: 3, result: { structuredContent: { message: "hello" } } })
    })
  )

  it.live("may be a stateless request from the first line on", () =>
    Effect.gen(function* () {
      const { next, send } = yield* startStdio()
      yield* send(stateless(1, "tools/call", { name: "math.sub", arguments: { a: 5, b: 3 } }).body)
      expect(yield* next).toMatchObject({
        id: 1,
        result: { resultType: "complete", structuredContent: { result: 2 } }
      })
    })
  )
})

describe("the server", () => {
  it.live("writes all responses at the end of a piped input", () =>
    Effect.gen(function* () {
      const lines = [initialize(), request(1, "tools/call", { name: "echo", arguments: { message: "bye" } })]
      const { code, stdout } = yield* manifold(["serve"], {
        stdin: lines.map((line) => `${JSON.stringify(line)}\n`).join("")
      })
      const ids = stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { id: number }).id)
      expect({ code, ids }).toEqual({ code: 0, ids: [0, 1] })
    })
  )

  it.live("exits with 0 at the end of its input", () =>
    Effect.gen(function* () {
      const { end, next, send } = yield* startStdio()
      yield* send(initialize())
      yield* next
      expect(yield* end).toBe(0)
    })
  )

  it.live("exits with 0 on SIGTERM", () =>
    Effect.gen(function* () {
      const { child, next, send } = yield* startStdio()
      yield* send(initialize())
      yield* next
      child.kill("SIGTERM")
      const code = yield* Effect.promise(() => child.exited)
      expect(code).toBe(0)
    })
  )
})
