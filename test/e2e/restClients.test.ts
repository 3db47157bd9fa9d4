/** Connections made over REST during their life: transports, tokens, limits, time-outs and restarts. */
import { describe, expect } from "bun:test"
import { readdir, readFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { Effect, Queue } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { it } from "../support/effect.ts"
import { create } from "../support/storedTokens.ts"
import { bearer, connect, get, json, send, type Headers } from "../support/rest.ts"
import { endpoint, post, readJson, service, serviceOf, stateFolder, stateless } from "../support/service.ts"

const token = "a".repeat(40)
const program = new URL("../support/upstreamProcess.ts", import.meta.url).pathname

/** Counts the processes of `upstreamProcess.ts` that run: each holds a connection. */
const census = Effect.gen(function* () {
  const ended = yield* Queue.unbounded<void>()
  const server = createServer((socket) => {
    socket.resume()
    socket.on("error", () => {})
    socket.on("close", () => {
      Queue.offerUnsafe(ended, undefined)
    })
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () => Effect.sync(() => server.close())
  )
  const { port } = server.address() as { readonly port: number }
  /** Waits for the end of so many processes. */
  const endings = (count: number) => Effect.asVoid(Queue.takeN(ended, count))
  return { listed: { command: process.execPath, args: [program, String(port), "alone"] }, endings }
})

const held = Effect.map(Quotas, ({ connections }) => connections.used)

describe("transports and tokens", () => {
  it.live("HTTP with SSE and a bearer token reach a protected server", () =>
    Effect.gen(function* () {
      const { origin } = yield* endpoint
      yield* Effect.gen(function* () {
        const wrong = yield* json(
          send("/mcp/connect", { transport: "http", mcp_url: `${origin}/mcp`, auth_type: "none" })
        )
        expect(wrong).toMatchObject({ status: 502, body: { detail: expect.any(String) } })
        for (const [transport, path] of [
          ["http", "/mcp"],
          ["sse", "/mcp/sse"]
        ]) {
          const client_id = yield* connect({
            transport,
            mcp_url: `${origin}${path}`,
            auth_type: "bearer",
            bearer_token: token
          })
          const call = yield* json(
            send("/mcp/call_tool", { client_id, tool_name: "math.add", arguments: { a: 1, b: 2 } })
          )
          expect(call.body).toMatchObject({ status: "success", result: { result: 3 } })
          const client = yield* json(get(`/mcp/client/${client_id}`))
          expect(client.body).toMatchObject({ metadata: { transport, auth_type: "bearer" } })
          expect(JSON.stringify(client.body)).not.toContain(token)
        }
      }).pipe(Effect.provide(service(), { local: true }))
    }).pipe(Effect.provide(service({ auth: { tokens: [{ name: "one", token }] } })))
  )

  it.live("a federated connection serves its entries to its owner at /mcp, any other only over REST", () =>
    Effect.gen(function* () {
      const { listed } = yield* census
      yield* Effect.gen(function* () {
        const url = yield* endpoint
        const names = (of: string) =>
          Effect.gen(function* () {
            const { body, headers } = stateless(1, "tools/list")
            const { result } = (yield* readJson(yield* post(url, body, { ...headers, ...bearer(of) }))) as {
              readonly result: { readonly tools: ReadonlyArray<{ readonly name: string }> }
            }
            return result.tools.map(({ name }) => name).filter((name) => name.endsWith("__pid"))
          })
        const request = { transport: "stdio", command: [listed.command, ...listed.args], auth_type: "none" }
        yield* connect({ ...request, name: "quiet" }, bearer(token))
        expect(yield* names(token)).toEqual([])
        const client_id = yield* connect({ ...request, name: "own", federate: true }, bearer(token))
        expect(yield* names(token)).toEqual(["own__pid"])
        const taken = yield* json(
          send("/mcp/connect", { ...request, name: "own", federate: true }, bearer(token))
        )
        expect(taken.status).toBe(422)
        expect(yield* names("b".repeat(40))).toEqual([])
        yield* send("/mcp/disconnect", { client_id }, bearer(token))
        expect(yield* names(token)).toEqual([])
      }).pipe(
        Effect.provide(
          service({
            mcp: { connection: { allow_stdio_commands: true } },
            auth: {
              tokens: [
                { name: "one", token, scopes: ["read", "call", "admin"] },
                { name: "two", token: "b".repeat(40), scopes: ["read", "call"] }
              ]
            }
          })
        )
      )
    })
  )
})

it.live("calls at servers of callers have one name in metrics, and those at listed servers their own", () =>
  Effect.gen(function* () {
    const { origin } = yield* endpoint
    const { listed } = yield* census
    yield* Effect.gen(function* () {
      const far = { transport: "http", mcp_url: `${origin}/mcp`, auth_type: "none" }
      const add = (client_id: string) =>
        json(send("/mcp/call_tool", { client_id, tool_name: "math.add", arguments: { a: 1, b: 2 } }))
      for (const more of [{}, { name: "far" }, { name: "own", federate: true }]) {
        expect((yield* add(yield* connect({ ...far, ...more }))).body).toMatchObject({ status: "success" })
      }
      const client_id = yield* connect({ transport: "stdio", command: ["pids"], auth_type: "none" })
      yield* send("/mcp/call_tool", { client_id, tool_name: "pid", arguments: {} })
      const text = yield* Effect.flatMap(get("/metrics"), (response) => Effect.promise(() => response.text()))
      const calls = text.split("\n").filter((line) => line.startsWith("manifold_calls_total"))
      expect(calls.toSorted()).toEqual([
        'manifold_calls_total{kind="tool",name="pids__pid",status="succeeded"} 1',
        'manifold_calls_total{kind="tool",name="rest__*",status="succeeded"} 3'
      ])
    }).pipe(Effect.provide(service({ mcpServers: { pids: listed } }), { local: true }))
  }).pipe(Effect.provide(service()))
)

describe("limits", () => {
  it.live("one connection too many gets 429, and a disconnected one makes room", () =>
    Effect.gen(function* () {
      const { listed } = yield* census
      yield* Effect.gen(function* () {
        const request = { transport: "stdio", command: ["pids"], auth_type: "none" }
        const first = yield* connect(request)
        yield* connect(request)
        const third = yield* json(send("/mcp/connect", request))
        expect(third.status).toBe(429)
        expect(third.body["detail"]).toContain("quotas.connections")
        expect((yield* json(get("/health"))).body).toMatchObject({
          status: "healthy",
          active_clients: 2,
          timestamp: expect.any(String),
          version: expect.any(String)
        })
        yield* send("/mcp/disconnect", { client_id: first })
        yield* connect(request)
      }).pipe(
        Effect.provide(
          service({ mcpServers: { pids: listed }, quotas: { connections: { principal: 2, total: 9 } } })
        )
      )
    })
  )

  it.live("a connection that cannot be made leaves nothing behind", () =>
    Effect.gen(function* () {
      const servers = { missing: 502, broken: 502, silent: 408, garbage: 408 }
      const problems = yield* Effect.forEach(
        Object.keys(servers),
        (name) =>
          json(send("/mcp/connect", { transport: "stdio", command: [name], auth_type: "none", timeout: 2 })),
        { concurrency: "unbounded" }
      )
      expect(problems.map(({ status }) => status)).toEqual(Object.values(servers))
      for (const { body } of problems) expect(body["detail"]).toBeString()
      expect(yield* held).toBe(0)
      expect((yield* json(get("/mcp/clients"))).body).toMatchObject({ count: 0 })
    }).pipe(
      Effect.provide(
        service({
          mcpServers: {
            missing: { command: "/nonexistent/program" },
            broken: {
              command: process.execPath,
              args: ["-e", "console.error('no license'); process.exit(3)"]
            },
            silent: { command: "sleep", args: ["60"] },
            garbage: { command: "sh", args: ["-c", "while read -r line; do echo garbage; done"] }
          }
        })
      )
    )
  )

  it.live(
    "a connection ends with its process when its token is revoked, and the next token of that name opens it again",
    () =>
      Effect.gen(function* () {
        const { endings, listed } = yield* census
        yield* Effect.gen(function* () {
          const { revoke } = yield* StoredTokens
          const user = { name: "user", scopes: ["read", "call", "admin"] }
          const first = bearer((yield* create(user)).text)
          const client_id = yield* connect(
            { transport: "stdio", command: ["listed"], auth_type: "none" },
            first
          )
          const call = (headers: Headers) =>
            json(send("/mcp/call_tool", { client_id, tool_name: "pid", arguments: {} }, headers))
          const { body } = yield* call(first)
          yield* revoke("user", "operator")
          yield* endings(1)
          expect((yield* call(first)).status).toBe(401)
          const second = bearer((yield* create(user)).text)
          const again = yield* call(second)
          expect(again).toMatchObject({ status: 200, body: { status: "success" } })
          expect(again.body["result"]).not.toEqual(body["result"])
        }).pipe(
          Effect.provide(service({ mcpServers: { listed }, auth: { tokens: [{ name: "one", token }] } }))
        )
      })
  )

  it.live("an unused connection is closed with its process after the idle time-out", () =>
    Effect.gen(function* () {
      const { listed, endings } = yield* census
      yield* Effect.gen(function* () {
        const client_id = yield* connect({ transport: "stdio", command: ["pids"], auth_type: "none" })
        yield* endings(1)
        expect((yield* json(get(`/mcp/client/${client_id}`))).status).toBe(404)
      }).pipe(
        Effect.provide(
          service({
            mcpServers: { pids: listed },
            mcp: { connection: { idle_timeout: "300 millis" } }
          })
        )
      )
    })
  )
})

it.live("a connection survives a restart, and its token is not on disk in the clear", () =>
  Effect.gen(function* () {
    const { origin } = yield* endpoint
    const dir = yield* stateFolder
    const running = <A, E, R>(test: Effect.Effect<A, E, R>) =>
      test.pipe(
        Effect.provide(
          serviceOf(() => ConfigSource.layerFrom({ storage: { dir }, logging: { level: "none" } })),
          { local: true }
        )
      )
    const client_id = yield* running(
      connect({
        transport: "http",
        mcp_url: `${origin}/mcp`,
        auth_type: "bearer",
        bearer_token: token,
        name: "far"
      })
    )
    const files = yield* Effect.promise(async () => {
      const names = await readdir(join(dir, "connections"))
      return Promise.all(names.map((name) => readFile(join(dir, "connections", name), "latin1")))
    })
    expect(files.length).toBe(1)
    expect(files.join("")).not.toContain(token)
    yield* running(
      Effect.gen(function* () {
        expect((yield* json(get("/mcp/clients"))).body).toMatchObject({
          clients: [{ client_id, name: "far", auth_type: "bearer" }],
          count: 1
        })
        const call = yield* json(
          send("/mcp/call_tool", { client_id, tool_name: "math.add", arguments: { a: 1, b: 2 } })
        )
        expect(call.body).toMatchObject({ status: "success", result: { result: 3 } })
        expect((yield* json(send("/mcp/disconnect", { client_id }))).status).toBe(200)
      })
    )
    yield* running(
      Effect.gen(function* () {
        expect((yield* json(get("/mcp/clients"))).body).toMatchObject({ count: 0 })
      })
    )
  }).pipe(Effect.provide(service({ auth: { tokens: [{ name: "one", token }] } })))
)
