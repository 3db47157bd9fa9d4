/** Limits on every transport and in the official clients. */
import { describe, expect } from "bun:test"
import { StreamableHTTPClientTransport as NewHttp, type Transport } from "@modelcontextprotocol/client"
import { StdioClientTransport as NewStdio } from "@modelcontextprotocol/client/stdio"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { SSEClientTransport as OldSse } from "@modelcontextprotocol/sdk/client/sse.js"
import { StreamableHTTPClientTransport as OldHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { WebSocketClientTransport as OldSocket } from "@modelcontextprotocol/sdk/client/websocket.js"
import { Deferred, Effect, Fiber } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import { info, newClients } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import {
  endpoint,
  Held,
  initialize,
  openSession,
  post,
  readJson,
  request,
  service,
  stateless
} from "../support/service.ts"
import { rawSite } from "../support/sites.ts"
import { command, manifold, startStdio } from "../support/stdio.ts"

const once = { limits: { tools: { "math.add": { rate: { calls: 1, window: "1 minute" } } } } }

/** The message of `RateLimited` for the tool. */
const message = /Rate limit reached for math\.add/
const data = { error_class: "RateLimited", limit: "tool", max: 1, remaining: 0, window_ms: 60_000 }
const error = { code: 429, data: { ...data, retry_after_ms: expect.any(Number) } }

/** The message of `TimedOut` for the tool. */
const timedOut = expect.stringContaining("wait exceeded its time limit")

const sum = { name: "math.add", arguments: { a: 1, b: 2 } }
const hello = { name: "echo", arguments: { message: "hello" } }

/** The common interface of all clients. */
interface Calling {
  readonly callTool: (params: typeof sum | typeof hello | { name: string }) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** Calls once more than the limit, checks that the client still works, and returns the error. */
const callTwice = async (client: Calling) => {
  await client.callTool(sum)
  const thrown = await client.callTool(sum).then(
    () => undefined,
    (reason: unknown) => reason as Error
  )
  expect(await client.callTool(hello)).toMatchObject({ structuredContent: { message: "hello" } })
  await client.close()
  expect(thrown?.message).toMatch(message)
  return thrown
}

const oldClient = async (transport: unknown): Promise<Calling> => {
  const client = new OldClient(info)
  await client.connect(transport as never)
  return client as unknown as Calling
}

const newClient = async (make: (typeof newClients)[number][1], transport: Transport) => {
  const client = make()
  await client.connect(transport)
  return client as unknown as Calling
}

describe("rate limits", () => {
  describe("over HTTP", () => {
    const expectRejection = Effect.fnUntraced(function* (response: Response) {
      expect(response.status).toBe(429)
      const { headers } = response
      expect(headers.get("content-type")).toContain("application/json")
      expect(headers.get("ratelimit-limit")).toBe("1")
      expect(headers.get("ratelimit-remaining")).toBe("0")
      const after = Number(headers.get("retry-after"))
      expect(headers.get("ratelimit-reset")).toBe(`${after}`)
      const body = yield* readJson(response)
      const { retry_after_ms } = (body.error as { data: { retry_after_ms: number } }).data
      expect(body).toMatchObject({ jsonrpc: "2.0", id: 2, error })
      // Whole seconds, never before the retry time.
      expect(after * 1000).toBeGreaterThanOrEqual(retry_after_ms)
      expect(after).toBeLessThanOrEqual(60)
    })

    it.live("a rate limit in a session is 429 with Retry-After and RateLimit headers", () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        const session = yield* openSession(url)
        yield* post(url, request(1, "tools/call", sum), session)
        yield* expectRejection(yield* post(url, request(2, "tools/call", sum), session))
      }).pipe(Effect.provide(service(once)))
    )

    it.live("a rate limit without a session is 429 with Retry-After and RateLimit headers", () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        const [first, second] = [stateless(1, "tools/call", sum), stateless(2, "tools/call", sum)]
        yield* post(url, first.body, first.headers)
        yield* expectRejection(yield* post(url, second.body, second.headers))
      }).pipe(Effect.provide(service(once)))
    )
  })

  it.live("the rate limit of an address counts all unauthenticated callers", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      yield* post(url, request(1, "tools/call", sum), yield* openSession(url))
      const refused = yield* post(url, request(2, "tools/call", sum), yield* openSession(url))
      expect(refused.status).toBe(429)
      expect(yield* readJson(refused)).toMatchObject({ error: { data: { limit: "address", max: 1 } } })
    }).pipe(Effect.provide(service({ limits: { address: { calls: 1 } } })))
  )

  describe("in the official clients", () => {
    it.live("SDK 1.32.2 over HTTP gets a transport error with the response", () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        const thrown = yield* Effect.promise(async () => callTwice(await oldClient(new OldHttp(url))))
        expect(thrown).toMatchObject({ code: 429 })
        expect(thrown?.message).toContain('"code":429')
      }).pipe(Effect.provide(service(once)))
    )

    for (const [name, make] of newClients) {
      it.live(`${name} over HTTP gets a transport error with status and body`, () =>
        Effect.gen(function* () {
          const url = yield* endpoint
          const thrown = yield* Effect.promise(async () => callTwice(await newClient(make, new NewHttp(url))))
          const { status, text } = (thrown as unknown as { data: { status: number; text: string } }).data
          expect(status).toBe(429)
          expect(JSON.parse(text)).toMatchObject({ error })
        }).pipe(Effect.provide(service(once)))
      )

      it.live(`${name} over stdio gets the JSON-RPC error`, () =>
        Effect.promise(async () => {
          const env = { ...(process.env as Record<string, string>), MCP_CONFIG_JSON: JSON.stringify(once) }
          const transport = new NewStdio({ ...command, env, stderr: "ignore" })
          expect(await callTwice(await newClient(make, transport))).toMatchObject(error)
        })
      )
    }

    it.live("SDK 1.32.2 over HTTP+SSE gets the JSON-RPC error", () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        const transport = new OldSse(new URL("/mcp/sse", url))
        expect(yield* Effect.promise(async () => callTwice(await oldClient(transport)))).toMatchObject(error)
      }).pipe(Effect.provide(service(once)))
    )

    it.live("SDK 1.32.2 over WebSocket gets the JSON-RPC error", () =>
      Effect.gen(function* () {
        const { host } = yield* endpoint
        const transport = new OldSocket(new URL(`ws://${host}/mcp/ws`))
        expect(yield* Effect.promise(async () => callTwice(await oldClient(transport)))).toMatchObject(error)
      }).pipe(Effect.provide(service(once)))
    )
  })

  it.live("MCP_RATE_LIMITING_ENABLED disables rate limits", () =>
    Effect.gen(function* () {
      for (const [enabled, second] of [
        ["true", { error: { code: 429, data: { limit: "principal" } } }],
        ["false", { result: { structuredContent: { result: 3 } } }]
      ] as const) {
        const { next, send } = yield* startStdio({
          MCP_CONFIG_JSON: '{"limits":{"principal":{"calls":1}}}',
          MCP_RATE_LIMITING_ENABLED: enabled
        })
        yield* send(initialize())
        yield* next
        yield* send(request(1, "tools/call", sum))
        yield* next
        yield* send(request(2, "tools/call", sum))
        expect(yield* next).toMatchObject({ id: 2, ...second })
      }
    })
  )
})

describe("unavailability", () => {
  it.live("a full queue is 503 with Retry-After", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const { release, started } = yield* Held
      const session = yield* openSession(url)
      const call = (id: number) => post(url, request(id, "tools/call", { name: "wait" }), session)
      const first = yield* Effect.forkChild(call(1))
      yield* Deferred.await(started)
      const second = yield* Effect.forkChild(call(2))
      const guard = yield* Guard
      yield* Effect.repeat(guard.state, { until: ({ waiting }) => waiting === 1 })
      const refused = yield* call(3)
      expect(refused.status).toBe(503)
      expect(refused.headers.get("retry-after")).toBe("10")
      expect(refused.headers.get("ratelimit-limit")).toBeNull()
      expect(yield* readJson(refused)).toMatchObject({
        error: {
          code: 503,
          data: { error_class: "Busy", limit: "tool", max: 1, remaining: 0, retry_after_ms: 10_000 }
        }
      })
      const away = stateless(4, "tools/call", { name: "wait" })
      expect((yield* post(url, away.body, away.headers)).status).toBe(503)
      yield* Deferred.succeed(release, undefined)
      for (const fiber of [first, second]) {
        const response = yield* Fiber.join(fiber)
        expect(yield* Effect.promise(() => response.text())).toContain("released")
      }
      expect(yield* guard.state).toMatchObject({ running: 0, waiting: 0 })
    }).pipe(
      Effect.provide(service({ limits: { concurrency: { queue: 1 }, tools: { wait: { concurrency: 1 } } } }))
    )
  )

  const brief = {
    limits: {
      breaker: { failures: 1, open_duration: "30 seconds" },
      tools: { wait: { time_limit: "50 millis" } }
    }
  }

  it.live("an open circuit breaker is 503, and a time-out is a result with isError", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const [first, second] = [
        stateless(1, "tools/call", { name: "wait" }),
        stateless(2, "tools/call", { name: "wait" })
      ]
      expect(yield* readJson(yield* post(url, first.body, first.headers))).toMatchObject({
        result: { isError: true, content: [{ text: timedOut }] }
      })
      const refused = yield* post(url, second.body, second.headers)
      expect(refused.status).toBe(503)
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(20)
      expect(yield* readJson(refused)).toMatchObject({
        error: { code: 503, data: { error_class: "CircuitOpen" } }
      })
      const session = yield* openSession(url)
      expect((yield* post(url, request(3, "tools/call", { name: "wait" }), session)).status).toBe(503)
    }).pipe(Effect.provide(service(brief)))
  )

  for (const [name, make] of newClients) {
    it.live(`${name} gets a time-out as a result with isError`, () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        const result = yield* Effect.promise(async () => {
          const client = await newClient(make, new NewHttp(url))
          const called = await client.callTool({ name: "wait" })
          await client.close()
          return called
        })
        expect(result).toMatchObject({
          isError: true,
          content: [{ text: timedOut }]
        })
      }).pipe(Effect.provide(service(brief)))
    )
  }
})

it.live("the command line prints the time-out and exits with 1", () =>
  Effect.gen(function* () {
    const { port } = yield* rawSite(() => {})
    const config = {
      outbound: { allow_private: ["127.0.0.0/8"] },
      limits: { tools: { "web.*": { time_limit: "50 millis" } } }
    }
    const args = ["call", "web.fetch_url", "--arg", `url=http://127.0.0.1:${port}/`]
    const { code, stderr, stdout } = yield* manifold(args, {
      env: { MCP_CONFIG_JSON: JSON.stringify(config) }
    })
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toContain("web.fetch_url exceeded its time limit")
  })
)
