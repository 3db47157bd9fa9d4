/** Invalid and hostile requests to the MCP endpoint: each is rejected with 4xx, and the next request is served. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Effect, ManagedRuntime } from "effect"
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

const limit = 256 * 1024
const runtime = ManagedRuntime.make(
  service({ server: { max_message_bytes: limit }, mcp: { sessions: { max: 50 } } })
)
let url: URL
let session: Record<string, string>

beforeAll(async () => {
  url = await runtime.runPromise(endpoint)
  session = await Effect.runPromise(openSession(url))
})
afterAll(() => runtime.dispose())

const send = (body: unknown, headers: Record<string, string> = session) =>
  Effect.runPromise(post(url, body, headers))
const decoded = async (response: Response) => ({
  status: response.status,
  body: await Effect.runPromise(readJson(response))
})

describe("invalid JSON-RPC", () => {
  const cases: ReadonlyArray<readonly [string, unknown, number]> = [
    ["an empty body", "", -32700],
    ["the value null", "null", -32600],
    ["an empty array", "[]", -32600],
    ["half a message", '{"jsonrpc":', -32700],
    [
      "preceded by several byte order marks",
      '\uFEFF\uFEFF\uFEFF{"jsonrpc":"2.0","id":1,"method":"ping"}',
      -32700
    ],
    ["not valid UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), -32700],
    ["a request with the id null", { ...request(1, "ping"), id: null }, -32600],
    ["a request with an object as id", { ...request(1, "ping"), id: {} }, -32600],
    ["a request with the id 1e999", '{"jsonrpc":"2.0","id":1e999,"method":"ping"}', -32600],
    ["a request with an id of 100 KB", { ...request(1, "ping"), id: "x".repeat(100_000) }, -32600]
  ]
  for (const [name, body, code] of cases) {
    test(`a message that is ${name} is 400 with ${code} and id null`, async () => {
      expect(await decoded(await send(body))).toMatchObject({
        status: 400,
        body: { id: null, error: { code } }
      })
    })
  }

  test("a message with duplicate keys is no server error", async () => {
    const response = await send('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping","method":"ping"}')
    expect(response.status).toBeLessThan(500)
  })

  const objectOf = (keys: number) =>
    Object.fromEntries(Array.from({ length: keys }, (_, index) => [`key${index}`, index]))

  test("a call with arguments of 9,900 keys is served", async () => {
    const wide = request(1, "tools/call", { name: "math.add", arguments: { a: 1, b: 2, ...objectOf(9900) } })
    expect((await decoded(await send(wide))).body).toMatchObject({
      result: { structuredContent: { result: 3 } }
    })
  })

  const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`
  for (const [name, body, setting] of [
    ["100,000 nested lists", nested(100_000), "max_depth"],
    [
      "deep arguments",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":${nested(200)}}}}`,
      "max_depth"
    ],
    ["10,001 keys", request(1, "ping", objectOf(10_001)), "max_keys"],
    [
      "100,001 list elements",
      request(1, "ping", { list: Array.from({ length: 100_001 }, () => 1) }),
      "max_items"
    ],
    ["an initialize of 70 KB", initialize(JSON.stringify("x".repeat(70_000))), "initialize"]
  ] as const) {
    test(`a message with ${name} is 413 with -32600 and names the limit`, async () => {
      const { body: error, status } = await decoded(await send(body))
      expect({ status, error }).toMatchObject({ status: 413, error: { error: { code: -32600 } } })
      expect(JSON.stringify(error)).toContain(setting)
    })
  }

  test("the keys __proto__ and constructor in arguments set no prototype", async () => {
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"math.add","arguments":{"a":1,"b":2,"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}}}'
    expect((await decoded(await send(body))).body).toMatchObject({
      result: { structuredContent: { result: 3 } }
    })
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })
})

describe("invalid HTTP", () => {
  test("a body one byte over the limit is 413, with a declared length and in chunks", async () => {
    const frame = JSON.stringify(request(1, "ping"))
    const exact = frame + " ".repeat(limit - frame.length)
    expect((await send(exact)).status).toBe(200)
    expect((await send(`${exact} `)).status).toBe(413)
    const chunks = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(exact))
        controller.enqueue(new TextEncoder().encode(" "))
        controller.close()
      }
    })
    const response = await fetch(url, {
      method: "POST",
      body: chunks,
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...session
      }
    })
    expect(response.status).toBe(413)
  })

  test("a wrong Content-Type is 415, a wrong Accept 406 and a wrong Content-Encoding 415", async () => {
    expect((await send(request(1, "ping"), { ...session, "content-type": "text/plain" })).status).toBe(415)
    expect((await send(request(1, "ping"), { ...session, accept: "application/json" })).status).toBe(406)
    expect((await send(request(1, "ping"), { ...session, accept: "text/event-stream" })).status).toBe(406)
    const zipped = Bun.gzipSync(JSON.stringify(request(1, "ping")))
    expect((await send(zipped, { ...session, "content-encoding": "gzip" })).status).toBe(415)
    expect((await fetch(url, { headers: { ...session, accept: "application/json" } })).status).toBe(406)
  })

  test("PUT and PATCH are 405 with Allow", async () => {
    for (const method of ["PUT", "PATCH"]) {
      const response = await fetch(url, { method, headers: session })
      expect(response.status).toBe(405)
      expect(response.headers.get("allow")).toContain("POST")
    }
  })

  test("a foreign Origin is 403 for every method, before any other check", async () => {
    for (const origin of [
      "http://evil.example",
      "null",
      "http://localhost.evil.example",
      "http://127.0.0.1@evil.example"
    ]) {
      for (const method of ["POST", "GET", "DELETE", "OPTIONS"]) {
        const response = await fetch(url, { method, headers: { ...session, origin } })
        expect([origin, method, response.status]).toEqual([origin, method, 403])
      }
    }
    expect((await send(request(1, "ping"))).status).toBe(200)
  })
})

describe("invalid MCP", () => {
  test("an unknown method, tool, prompt or resource is a JSON-RPC error", async () => {
    expect((await decoded(await send(request(1, "absent/method")))).body).toMatchObject({
      error: { code: -32601 }
    })
    const tool = await decoded(await send(request(1, "tools/call", { name: "absent" })))
    expect(tool.body).toMatchObject({ error: { code: -32602, message: "Unknown tool: absent" } })
    const prompt = await decoded(await send(request(1, "prompts/get", { name: "absent" })))
    expect(prompt.body).toMatchObject({ error: { code: -32602 } })
    const resource = await decoded(await send(request(1, "resources/read", { uri: "absent://x" })))
    expect(resource.body).toMatchObject({ error: { code: -32602, data: { uri: "absent://x" } } })
    for (const [method, params, status] of [
      ["absent/method", {}, 404],
      ["tools/call", { name: "absent", arguments: {} }, 200]
    ] as const) {
      const { body, headers } = stateless(1, method, params)
      const result = await decoded(await send(body, headers))
      expect(result.status).toBe(status)
      expect(result.body).toMatchObject({ error: { code: method === "tools/call" ? -32602 : -32601 } })
    }
  })

  test("a header that contradicts the body is 400 with -32020", async () => {
    const { body, headers } = stateless(1, "tools/call", { name: "math.add", arguments: { a: 1, b: 2 } })
    for (const wrong of [
      { "mcp-method": "tools/list" },
      { "mcp-name": "math.sub" },
      { "mcp-method": "Tools/Call" },
      { "mcp-protocol-version": "2025-11-25" }
    ]) {
      const result = await decoded(await send(body, { ...headers, ...wrong } as Record<string, string>))
      expect([wrong, result.status]).toEqual([wrong, 400])
      expect(result.body).toMatchObject({ error: { code: -32020 } })
    }
  })

  test("an unknown protocol version is 400 with -32022 and the supported versions", async () => {
    const { body, headers } = stateless(1, "tools/list")
    const meta = { ...(body.params._meta as object), "io.modelcontextprotocol/protocolVersion": "2099-01-01" }
    const result = await decoded(
      await send({ ...body, params: { _meta: meta } }, { ...headers, "mcp-protocol-version": "2099-01-01" })
    )
    expect(result).toMatchObject({ status: 400, body: { error: { code: -32022 } } })
    expect(JSON.stringify(result.body)).toContain("2026-07-28")
    const old = await decoded(
      await send(request(1, "ping"), { ...session, "mcp-protocol-version": "1999-01-01" })
    )
    expect(old).toMatchObject({ status: 400, body: { error: { code: -32022 } } })
  })

  test("an unknown session is 404 for every method, and a missing session is 400", async () => {
    expect((await send(request(1, "ping"), { "mcp-session-id": "bogus" })).status).toBe(404)
    expect((await send(request(1, "ping"), {})).status).toBe(400)
    expect((await fetch(url, { method: "DELETE", headers: { "mcp-session-id": "bogus" } })).status).toBe(404)
    const stream = await fetch(url, { headers: { "mcp-session-id": "bogus", accept: "text/event-stream" } })
    expect(stream.status).toBe(404)
  })

  test("an unknown Last-Event-ID is 400", async () => {
    for (const id of ["bogus", "0_99999", `1_${"9".repeat(30)}`]) {
      const response = await fetch(url, {
        headers: { ...session, accept: "text/event-stream", "last-event-id": id }
      })
      expect(response.status).toBe(400)
    }
  })

  test("SQL, NUL, lone surrogates and large numbers in arguments are returned unchanged", async () => {
    for (const message of ["'; DROP TABLE x; --", "a\u0000b", "\ud800", "🙈", "9007199254740993"]) {
      const result = await decoded(
        await send(request(1, "tools/call", { name: "echo", arguments: { message } }))
      )
      const { structuredContent } = result.body.result as { structuredContent: { message: string } }
      expect(structuredContent.message.isWellFormed() ? structuredContent.message : "replaced").toBe(
        message.isWellFormed() ? message : "replaced"
      )
    }
    const nan = await send(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"math.add","arguments":{"a":NaN}}}'
    )
    expect(nan.status).toBe(400)
  })

  test("initialize beyond the maximum of sessions evicts idle sessions, and calls are still served", async () => {
    for (let index = 0; index < 200; index++) await (await send(initialize(), {})).body?.cancel()
    const fresh = await Effect.runPromise(openSession(url))
    expect((await send(request(1, "ping"), fresh)).status).toBe(200)
    // The first session was idle the longest, so it was evicted.
    expect((await send(request(1, "ping"))).status).toBe(404)
    session = fresh
  })
})
