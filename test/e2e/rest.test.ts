/** The REST service for connections to MCP servers: the documented examples, and rejected requests. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import { it } from "../support/effect.ts"
import { at, bearer, connect, get, json, send } from "../support/rest.ts"
import { endpoint, Held, readJson, service } from "../support/service.ts"

const modules = new URL("../../node_modules/@modelcontextprotocol/", import.meta.url).pathname
const everything = { command: "node", args: [`${modules}server-everything/dist/index.js`, "stdio"] }

const token = "a".repeat(40)
const other = "b".repeat(40)

/** A second service, to which the first one connects. */
const withServer = <A, E, R>(
  test: (url: string) => Effect.Effect<A, E, R>,
  config: Record<string, unknown> = {}
) =>
  Effect.flatMap(endpoint, (url) =>
    test(url.href).pipe(Effect.provide(service(config), { local: true }))
  ).pipe(Effect.provide(service()))

describe("a connection over HTTP", () => {
  it.live("lists, calls, reads and disconnects as documented", () =>
    withServer((mcp_url) =>
      Effect.gen(function* () {
        const { body } = yield* json(
          send("/mcp/connect", { transport: "http", mcp_url, auth_type: "none", name: "far" })
        )
        const client_id = String(body["client_id"])
        expect(body).toMatchObject({ status: "connected", message: "Successfully connected to MCP server" })
        const listed = yield* json(get(`/mcp/list_tools?client_id=${client_id}`))
        expect(listed.status).toBe(200)
        expect(listed.body["tools"]).toEqual(body["tools"])
        expect(listed.body["count"]).toBe((body["tools"] as ReadonlyArray<unknown>).length)
        const called = yield* json(
          send("/mcp/call_tool", { client_id, tool_name: "math.add", arguments: { a: 2, b: 3 } })
        )
        expect(called.body).toMatchObject({ status: "success", result: { result: 5 }, error: null })
        expect(called.body["execution_time"]).toBeNumber()
        const clients = yield* json(get("/mcp/clients"))
        expect(clients.body).toMatchObject({
          status: "success",
          clients: [{ client_id, transport: "http", auth_type: "none", name: "far", mcp_url }],
          count: 1
        })
        const client = yield* json(get(`/mcp/client/${client_id}`))
        expect(client.body).toMatchObject({ status: "success", client_id, metadata: { name: "far" } })
        const ended = yield* json(send("/mcp/disconnect", { client_id }))
        expect(ended.body).toEqual({
          status: "disconnected",
          client_id,
          message: "Successfully disconnected from MCP server"
        })
        const gone = yield* json(get(`/mcp/list_tools?client_id=${client_id}`))
        expect(gone.status).toBe(404)
        expect(gone.body["detail"]).toContain(client_id)
      })
    )
  )

  it.live("cancels the call at the server when the caller disconnects and at the time limit", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const held = yield* Held
      yield* Effect.gen(function* () {
        const client_id = yield* connect({ transport: "http", mcp_url: url.href, auth_type: "none" })
        const target = yield* at("/mcp/call_tool")
        const call = yield* Effect.forkChild(
          Effect.promise((signal) =>
            fetch(target, {
              method: "POST",
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ client_id, tool_name: "wait", arguments: {} }),
              signal
            })
          )
        )
        yield* Deferred.await(held.started)
        yield* Fiber.interrupt(call)
        yield* Deferred.await(held.interrupted)
        const late = yield* json(send("/mcp/call_tool", { client_id, tool_name: "wait", timeout: 0.05 }))
        expect(late.status).toBe(408)
        expect(late.body["detail"]).toContain("timeout")
      }).pipe(Effect.provide(service(), { local: true }))
    }).pipe(Effect.provide(service()))
  )
})

describe("a connection to a listed command", () => {
  /** Callers over REST use the server's own names. */
  const rename = { "get-sum": "plus", "args-prompt": "ask" }
  const listed = service({ mcpServers: { everything: { ...everything, rename } } })

  it.live("serves the tools, resources and prompts of a separate process", () =>
    Effect.gen(function* () {
      const client_id = yield* connect({ transport: "stdio", command: ["everything"], auth_type: "none" })
      const sum = yield* json(
        send("/mcp/call_tool", { client_id, tool_name: "get-sum", arguments: { a: 2, b: 3 } })
      )
      expect(JSON.stringify(sum.body["result"])).toContain("5")
      const wrong = yield* json(
        send("/mcp/call_tool", { client_id, tool_name: "get-sum", arguments: { a: "x" } })
      )
      expect(wrong).toMatchObject({ status: 200, body: { status: "error" } })
      expect(wrong.body["error"]).toBeString()
      const { body } = yield* json(get(`/mcp/list_resources?client_id=${client_id}`))
      const [resource] = body["resources"] as ReadonlyArray<{ readonly uri: string }>
      const read = yield* json(send("/mcp/read_resource", { client_id, uri: resource?.uri }))
      expect(read.body).toMatchObject({ status: "success", uri: resource?.uri })
      expect((read.body["content"] as { readonly text: string }).text).toBeString()
      const prompts = yield* json(get(`/mcp/list_prompts?client_id=${client_id}`))
      expect(JSON.stringify(prompts.body)).toContain("args-prompt")
      const prompt = yield* json(
        send("/mcp/get_prompt", { client_id, prompt_name: "args-prompt", arguments: { city: "Bern" } })
      )
      expect(prompt.body).toMatchObject({ status: "success", prompt_name: "args-prompt" })
      expect(JSON.stringify(prompt.body["content"])).toContain("Bern")
      const unknown = yield* json(send("/mcp/call_tool", { client_id, tool_name: "nothing" }))
      expect(unknown.status).toBe(404)
    }).pipe(Effect.provide(listed))
  )

  it.live("accepts the command line of a listed command and rejects any other", () =>
    Effect.gen(function* () {
      const command = [everything.command, ...everything.args]
      yield* connect({ transport: "stdio", command, auth_type: "none" })
      for (const forbidden of [["sh", "-c", "true"], ["node"], [...command, "extra"]]) {
        const { body, status } = yield* json(
          send("/mcp/connect", { transport: "stdio", command: forbidden, auth_type: "none" })
        )
        expect(status).toBe(403)
        expect(body["detail"]).toContain("mcpServers")
      }
    }).pipe(Effect.provide(listed))
  )
})

describe("bad requests", () => {
  const protectedService = service({
    auth: {
      tokens: [
        { name: "one", token, scopes: ["read", "call", "admin"] },
        { name: "two", token: other, scopes: ["read", "call"] },
        { name: "reader", token: "c".repeat(40), scopes: ["read"] }
      ]
    }
  })
  it.live("are rejected with the documented codes and {detail}", () =>
    Effect.gen(function* () {
      const cases = [
        [400, "{"],
        [422, {}],
        [422, { transport: "http", auth_type: "none" }],
        [422, { transport: "http", mcp_url: "ftp://x", auth_type: "none" }],
        [422, { transport: "http", mcp_url: "http://localhost/mcp", auth_type: "bearer" }],
        [422, { transport: "carrier pigeon", mcp_url: "http://localhost/mcp" }],
        [502, { transport: "http", mcp_url: "http://127.0.0.1:9/mcp", auth_type: "none" }],
        [403, { transport: "http", mcp_url: "http://169.254.169.254/latest", auth_type: "none" }],
        [403, { transport: "http", mcp_url: "http://[fd00:ec2::254]/", auth_type: "none" }],
        [403, { transport: "stdio", command: ["sh"], auth_type: "none" }]
      ] as const
      for (const [expected, request] of cases) {
        const { body, status } = yield* json(send("/mcp/connect", request))
        expect({ request, status, body }).toMatchObject({ request, status: expected })
        expect(Object.keys(body)).toEqual(["detail"])
        expect(body["detail"]).toBeString()
      }
      const wrongMethod = yield* json(get("/mcp/connect"))
      expect(wrongMethod).toMatchObject({ status: 405, body: { detail: expect.any(String) } })
    }).pipe(Effect.provide(service()))
  )

  it.live("a body beyond the limit is 413 with {detail}, with a declared length and in chunks", () =>
    Effect.gen(function* () {
      const url = yield* at("/mcp/call_tool")
      const chunks = () =>
        new ReadableStream({
          start: (controller) => {
            for (let index = 0; index < 3; index++) controller.enqueue(new Uint8Array(1000))
            controller.close()
          }
        })
      for (const body of ["a".repeat(2001), chunks()]) {
        const headers = { "content-type": "application/json" }
        const response = yield* Effect.promise(() => fetch(url, { method: "POST", body, headers }))
        expect(response.status).toBe(413)
        const { detail, ...others } = yield* readJson(response)
        expect(detail).toContain("server.max_message_bytes")
        expect(others).toEqual({})
      }
      expect((yield* json(get("/mcp/clients"))).status).toBe(200)
    }).pipe(Effect.provide(service({ server: { max_message_bytes: 2000 } })))
  )

  it.live("a call is 503 with {detail} and Retry-After while its queue is full", () =>
    Effect.gen(function* () {
      const { release } = yield* Held
      const mcp_url = (yield* endpoint).href
      yield* Effect.gen(function* () {
        const client_id = yield* connect({ transport: "http", mcp_url, auth_type: "none" })
        const call = send("/mcp/call_tool", { client_id, tool_name: "wait" })
        const guard = yield* Guard
        const running = yield* Effect.forkChild(call)
        yield* Effect.repeat(guard.state, { until: ({ running: count }) => count === 1 })
        const queued = yield* Effect.forkChild(call)
        yield* Effect.repeat(guard.state, { until: ({ waiting }) => waiting === 1 })
        const rejected = yield* call
        expect(rejected.status).toBe(503)
        expect(Number(rejected.headers.get("retry-after"))).toBeGreaterThan(0)
        expect(Object.keys(yield* readJson(rejected))).toEqual(["detail"])
        yield* Deferred.succeed(release, undefined)
        for (const fiber of [running, queued]) {
          expect(yield* json(Fiber.join(fiber))).toMatchObject({ status: 200, body: { status: "success" } })
        }
      }).pipe(
        Effect.provide(service({ limits: { concurrency: { principal: 1, queue: 1 } } }), { local: true })
      )
    }).pipe(Effect.provide(service()))
  )

  it.live("are rejected without a token or a scope, and private URLs require the scope admin", () =>
    Effect.gen(function* () {
      const { origin } = yield* endpoint
      const request = {
        transport: "http",
        mcp_url: `${origin}/mcp`,
        auth_type: "bearer",
        bearer_token: token
      }
      const none = yield* send("/mcp/connect", request)
      expect(none.status).toBe(401)
      expect(none.headers.get("www-authenticate")).toContain("Bearer")
      expect(yield* readJson(none)).toHaveProperty("detail")
      expect((yield* json(send("/mcp/connect", request, bearer("c".repeat(40))))).status).toBe(403)
      expect((yield* json(send("/mcp/connect", request, bearer(other)))).status).toBe(403)
      const client_id = yield* connect(request, bearer(token))
      const foreign = bearer(other)
      expect((yield* json(get(`/mcp/list_tools?client_id=${client_id}`, foreign))).status).toBe(404)
      expect((yield* json(get(`/mcp/client/${client_id}`, foreign))).status).toBe(404)
      expect((yield* json(send("/mcp/disconnect", { client_id }, foreign))).status).toBe(404)
      expect((yield* json(get("/mcp/clients", foreign))).body).toMatchObject({ clients: [], count: 0 })
      expect((yield* json(get("/mcp/clients", bearer(token)))).body).toMatchObject({ count: 1 })
    }).pipe(Effect.provide(protectedService))
  )
})

describe("the description of the API", () => {
  it.live("is valid OpenAPI with every path, and shown by pages that load nothing from other hosts", () =>
    Effect.gen(function* () {
      const { body } = yield* json(get("/openapi.json"))
      expect(body).toMatchObject({ openapi: "3.1.0", info: { title: "manifold" } })
      expect(Object.keys(body["paths"] as object)).toEqual([
        "/mcp/connect",
        "/mcp/list_tools",
        "/mcp/call_tool",
        "/mcp/list_resources",
        "/mcp/read_resource",
        "/mcp/list_prompts",
        "/mcp/get_prompt",
        "/mcp/disconnect",
        "/mcp/clients",
        "/mcp/client/{client_id}",
        "/auth/tokens",
        "/auth/tokens/{token}",
        "/auth/ticket",
        "/edge/proxies",
        "/edge/proxies/{hostname}",
        "/edge/proxy_changes/undo",
        "/edge/certificates",
        "/edge/certificates/retry",
        "/edge/certificates/{id}"
      ])
      for (const page of ["/docs", "/redoc"]) {
        const response = yield* get(page)
        expect(response.headers.get("content-security-policy")).toContain("connect-src 'self'")
        const text = yield* Effect.promise(() => response.text())
        expect(text).toContain("/mcp/list_prompts")
        expect(text).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)="https?:/)
      }
    }).pipe(Effect.provide(service()))
  )
})
