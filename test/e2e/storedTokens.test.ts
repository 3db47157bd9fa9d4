/** Stored tokens over every surface: administration, revocation on another instance, and scopes of one tool. */
import { expect } from "bun:test"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Context, Effect, Fiber, Layer, type Scope } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { mint } from "../../layers/identity/tokens/tokenText.ts"
import { chatWith, script } from "../support/chat.ts"
import { itPostgres, onEachDatabase, postgres, sqlite, type StorageSettings } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { local } from "../support/models.ts"
import { bearer, get, json, send, at, type Headers } from "../support/rest.ts"
import {
  endpoint,
  interrupted,
  openSession,
  post,
  readJson,
  request,
  service,
  serviceOf,
  started,
  stateless
} from "../support/service.ts"
import { create, instanceOf } from "../support/storedTokens.ts"
import { tcpProxy } from "../support/tcpProxy.ts"
import { webSocket } from "../support/webSocket.ts"

/** A service on the database, and the tokens of another program on it. */
const served = Effect.fnUntraced(function* (
  database: Effect.Effect<StorageSettings, never, Scope.Scope>,
  config: Readonly<Record<string, unknown>> = {}
) {
  const storage = yield* database
  const other = yield* Layer.build(instanceOf(storage))
  const running = yield* Layer.build(service({ storage, ...config }))
  return { other, running }
})

const operator = ["read", "call", "admin"]
const sum = { name: "math.add", arguments: { a: 1, b: 2 } }

const remove = (path: string, headers: Headers) =>
  Effect.flatMap(at(path), (url) => Effect.promise(() => fetch(url, { method: "DELETE", headers })))

/** Resolves with the time at which the response or its stream has ended. */
const end = (response: Response) =>
  response.text().then(
    () => performance.now(),
    () => performance.now()
  )

const streamed = (path: string, headers: Headers) => get(path, { accept: "text/event-stream", ...headers })

onEachDatabase("stored tokens of a service", (database) => {
  it.live("an administrator creates, lists and revokes tokens over REST and MCP", () =>
    Effect.gen(function* () {
      const { other, running } = yield* served(database)
      const admin = yield* Effect.provideContext(create({ name: "admin", scopes: operator }), other)
      yield* Effect.gen(function* () {
        const asAdmin = bearer(admin.text)
        const made = yield* json(send("/auth/tokens", { name: "ci", scopes: ["mcp:read"] }, asAdmin))
        expect(made).toMatchObject({
          status: 201,
          body: { about: { name: "ci", scopes: ["read"], created_by: "admin", status: "active" } }
        })
        const ci = bearer(String(made.body["token"]))
        expect((yield* json(get("/mcp/clients", ci))).status).toBe(200)
        const refused = yield* send("/auth/tokens", { name: "more" }, ci)
        expect(refused.status).toBe(403)
        expect(refused.headers.get("www-authenticate")).toContain('scope="mcp:admin"')

        const listed = yield* json(get("/auth/tokens?limit=1", asAdmin))
        expect(listed.body).toMatchObject({ tokens: [{ name: "ci" }], next_cursor: expect.any(String) })
        expect(JSON.stringify(listed.body)).not.toContain("mcpt_")
        for (const [body, status] of [
          [{ name: "ci" }, 409],
          [{ name: "no spaces" }, 422],
          [{ name: "x", scopes: ["fly"] }, 422],
          [{ name: "x", expires_at: "2020-01-01" }, 422],
          [{ name: "x", limits: { concurrency: 0 } }, 422],
          [{ name: "x", scopes: ["read", "call"], ceiling: ["read"] }, 422]
        ] as const) {
          expect([body, (yield* send("/auth/tokens", body, asAdmin)).status]).toEqual([body, status])
        }
        for (const query of ["limit=0", "limit=-1", "limit=x", "limit=1e9", "cursor="]) {
          expect([query, (yield* get(`/auth/tokens?${query}`, asAdmin)).status]).toEqual([query, 422])
        }
        expect((yield* get("/auth/tokens?cursor=nothing", asAdmin)).status).toBe(404)

        expect(yield* json(remove("/auth/tokens/ci", asAdmin))).toMatchObject({
          status: 200,
          body: { name: "ci", status: "revoked", revoked_by: "admin" }
        })
        expect((yield* get("/mcp/clients", ci)).status).toBe(401)
        expect((yield* remove("/auth/tokens/ci", asAdmin)).status).toBe(404)

        const url = yield* endpoint
        const client = new Client({ name: "test", version: "1" })
        const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: asAdmin } })
        yield* Effect.promise(() => client.connect(transport))
        const call = (name: string, args: Record<string, unknown> = {}) =>
          Effect.promise(() => client.callTool({ name, arguments: args }))
        expect((yield* call("create_token", { name: "bot" })).structuredContent).toMatchObject({
          token: expect.stringMatching(/^mcpt_/),
          about: { name: "bot", created_by: "admin" }
        })
        expect((yield* call("list_tokens")).structuredContent).toMatchObject({
          tokens: [{ name: "bot" }, { name: "ci", status: "revoked" }, { name: "admin" }]
        })
        expect((yield* call("revoke_token", { token: "bot" })).structuredContent).toMatchObject({
          status: "revoked"
        })
        expect((yield* call("create_token", { name: "admin" })).isError).toBe(true)
        yield* Effect.promise(() => client.close())
      }).pipe(Effect.provideContext(running))
    })
  )

  it.live(
    "tools beyond the ceiling are not listed, tools within it are 403, and a scope may be of one tool",
    () =>
      Effect.gen(function* () {
        const { other, running } = yield* served(database)
        const narrow = yield* Effect.provideContext(
          create({
            name: "narrow",
            scopes: ["read", "call:math.add"],
            ceiling: ["read", "call:math.*", "admin:list_tokens"]
          }),
          other
        )
        yield* Effect.gen(function* () {
          const url = yield* endpoint
          const call = (name: string, args: object = {}) => {
            const { body, headers } = stateless(1, "tools/call", { name, arguments: args })
            return post(url, body, { ...headers, ...bearer(narrow.text) })
          }
          const list = stateless(1, "tools/list")
          const listed = yield* readJson(
            yield* post(url, list.body, { ...list.headers, ...bearer(narrow.text) })
          )
          const { tools } = listed["result"] as { tools: ReadonlyArray<{ name: string }> }
          expect(tools.map(({ name }) => name)).toEqual(["list_tokens", "math.add", "math.sub"])
          expect(yield* readJson(yield* call("math.add", sum.arguments))).toMatchObject({
            result: { structuredContent: { result: 3 } }
          })
          for (const [name, scope] of [
            ["math.sub", "mcp:call"],
            ["list_tokens", "mcp:admin"]
          ] as const) {
            const refused = yield* call(name, name === "math.sub" ? sum.arguments : {})
            expect(refused.status).toBe(403)
            expect(refused.headers.get("www-authenticate")).toContain(`scope="${scope}"`)
          }
          expect(yield* readJson(yield* call("echo", { message: "x" }))).toMatchObject({
            error: { code: -32602 }
          })
          expect(yield* readJson(yield* call("create_token", { name: "x" }))).toMatchObject({
            error: { code: -32602 }
          })
        }).pipe(Effect.provideContext(running))
      })
  )

  it.live("limits of a token hold instead of those of the configuration", () =>
    Effect.gen(function* () {
      const { other, running } = yield* served(database)
      const few = yield* Effect.provideContext(
        create({ name: "few", limits: { calls_per_minute: 2 } }),
        other
      )
      const many = yield* Effect.provideContext(create({ name: "many" }), other)
      yield* Effect.gen(function* () {
        const url = yield* endpoint
        const call = (token: string) => {
          const { body, headers } = stateless(1, "tools/call", sum)
          return Effect.map(post(url, body, { ...headers, ...bearer(token) }), ({ status }) => status)
        }
        expect(yield* Effect.replicateEffect(call(few.text), 3)).toEqual([200, 200, 429])
        expect(yield* Effect.replicateEffect(call(many.text), 3)).toEqual([200, 200, 200])
      }).pipe(Effect.provideContext(running))
    })
  )

  it.live("a revocation by another program ends every session, stream, socket and call within a second", () =>
    Effect.gen(function* () {
      const { url: model } = yield* script(() => new Promise<Response>(() => {}))
      const { other, running } = yield* served(database, { llm: local(model), chat: chatWith({}) })
      // Only administrators may connect to addresses of this machine.
      const alice = yield* Effect.provideContext(create({ name: "alice", scopes: operator }), other)
      const bob = yield* Effect.provideContext(create({ name: "bob" }), other)
      yield* Effect.gen(function* () {
        const url = yield* endpoint
        const token = bearer(alice.text)
        const session = yield* openSession(url, "2025-11-25", token)
        const open: Record<string, Promise<number>> = {
          "stream of a session": end(yield* streamed("/mcp", session)),
          "call in a session": end(yield* post(url, request(1, "tools/call", { name: "tick" }), session)),
          "HTTP with SSE": end(yield* streamed("/mcp/sse", token)),
          "NDJSON stream": end(yield* get("/stream", token)),
          "chat stream": end(
            yield* send("/chat", { text: "Hi", request_id: "r1" }, { ...token, accept: "text/event-stream" })
          )
        }
        yield* started
        const { body: connected } = yield* json(
          send(
            "/mcp/connect",
            { transport: "http", mcp_url: url.href, auth_type: "bearer", bearer_token: bob.text },
            token
          )
        )
        const rest = { client_id: String(connected["client_id"]), tool_name: "wait", arguments: {} }
        const calling = yield* send("/mcp/call_tool", rest, token).pipe(
          Effect.forkChild({ startImmediately: true })
        )
        const wait = stateless(3, "tools/call", { name: "wait" })
        const waiting = yield* post(url, wait.body, { ...wait.headers, ...token }).pipe(
          Effect.forkChild({ startImmediately: true })
        )
        const { body, headers } = stateless(1, "subscriptions/listen", {
          notifications: { toolsListChanged: true }
        })
        open["stateless stream"] = end(yield* post(url, body, { ...headers, ...token }))
        const run = Effect.runPromiseWith(yield* Effect.context<never>())
        for (const path of ["/mcp/ws", "/ws/chat"]) {
          const { closed } = yield* webSocket(new URL(path, url), { headers: token })
          open[path] = run(closed).then(({ code }) => {
            expect(code).toBe(1008)
            return performance.now()
          })
        }
        const his = yield* webSocket(new URL("/mcp/ws", url), { headers: bearer(bob.text) })

        const revoked = performance.now()
        yield* Context.get(other, StoredTokens).revoke("alice", "operator")
        for (const [surface, ended] of Object.entries(open)) {
          const time = (yield* Effect.promise(() => ended)) - revoked
          expect([surface, time < 1000 ? "within a second" : time]).toEqual([surface, "within a second"])
        }
        yield* interrupted
        for (const call of [calling, waiting]) expect((yield* Fiber.join(call)).status).toBe(401)
        expect(performance.now() - revoked).toBeLessThan(1000)
        // The next token of that name has the same conversations.
        const next = yield* Effect.provideContext(create({ name: "alice" }), other)
        yield* Effect.repeat(json(get("/chat", bearer(next.text))), {
          until: ({ body: chats }) => JSON.stringify(chats).includes('"running":null')
        })
        const later = stateless(2, "tools/call", sum)
        expect((yield* post(url, later.body, { ...later.headers, ...token })).status).toBe(401)
        for (const path of ["/usage", "/stream", "/mcp/clients", "/chat", "/mcp/sse"]) {
          expect([path, (yield* streamed(path, token)).status]).toEqual([path, 401])
        }
        yield* his.send(request(1, "ping"))
        expect(yield* his.next).toMatchObject({ id: 1, result: {} })
      }).pipe(Effect.provideContext(running))
    })
  )
})

it.live("a store that cannot be reached is 503 with Retry-After, and other tokens still work", () =>
  Effect.gen(function* () {
    const url = yield* endpoint
    const unknown = "mcpt_E8uMnxqdxQ1c_W_Tc0SwrM9g-1p09vGdyBGP5Kz2uEvAAQadEimbOkzw0lik63q"
    const { body, headers } = stateless(1, "tools/call", sum)
    const response = yield* post(url, body, { ...headers, ...bearer(unknown) })
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"])
    const text = yield* Effect.promise(() => response.text())
    expect(text).toContain("the database cannot be reached")
    expect(text).not.toContain("127.0.0.1")
    expect((yield* post(url, body, { ...headers, ...bearer("x".repeat(40)) })).status).toBe(200)
    expect((yield* post(url, body, { ...headers, ...bearer(unknown.replace("W_", "X_")) })).status).toBe(401)
    const admin = yield* get("/auth/tokens", bearer("x".repeat(40)))
    expect([admin.status, admin.headers.get("retry-after")]).toEqual([503, "5"])
  }).pipe(
    Effect.provide(
      serviceOf((dir) =>
        ConfigSource.layerFrom({
          logging: { level: "none" },
          storage: { dir, postgres_url: "postgres://postgres@127.0.0.1:1/none" },
          auth: {
            token_pepper: "p".repeat(32),
            tokens: [{ name: "configured", token: "x".repeat(40), scopes: operator }]
          }
        })
      )
    )
  )
)

itPostgres.live("while PostgreSQL restarts, tokens get 503 and open streams stay; then both work again", () =>
  Effect.gen(function* () {
    const storage = yield* postgres
    const other = yield* Layer.build(instanceOf(storage))
    const alice = yield* Effect.provideContext(create({ name: "alice" }), other)
    const database = new URL(storage.postgres_url)
    const proxy = yield* tcpProxy(Number(database.port === "" ? 5432 : database.port))
    database.host = `127.0.0.1:${proxy.port}`
    yield* Effect.gen(function* () {
      const url = yield* endpoint
      const token = bearer(alice.text)
      const { body, headers } = stateless(1, "tools/call", sum)
      const call = Effect.map(post(url, body, { ...headers, ...token }), ({ status }) => status)
      expect(yield* call).toBe(200)
      const stream = yield* get("/stream", token)
      const ended = end(stream)
      yield* proxy.stop
      // Until the cached verdict has expired.
      yield* Effect.repeat(call, { until: (status) => status === 503 })
      expect((yield* get("/auth/tokens", token)).headers.get("retry-after")).toBe("5")
      yield* proxy.start
      yield* Effect.repeat(call, { until: (status) => status === 200 })
      const isOpen = yield* Effect.promise(() => Promise.race([ended, Promise.resolve("open")]))
      expect(isOpen).toBe("open")
      yield* Context.get(other, StoredTokens).revoke("alice", "operator")
      yield* Effect.promise(() => ended)
      expect(yield* call).toBe(401)
    }).pipe(Effect.provide(service({ storage: { dir: storage.dir, postgres_url: database.href } })))
  })
)

it.live(
  "a flood of unknown tokens gets 401, 429 or 503, and a valid token from the same address works meanwhile",
  () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      const other = yield* Layer.build(instanceOf(storage))
      const alice = yield* Effect.provideContext(create({ name: "alice" }), other)
      yield* Effect.gen(function* () {
        const url = yield* endpoint
        const { body, headers } = stateless(1, "tools/call", sum)
        const call = (token: string) =>
          Effect.map(post(url, body, { ...headers, ...bearer(token) }), ({ status }) => status)
        expect(yield* call(alice.text)).toBe(200)
        const unknown = yield* Effect.replicateEffect(
          Effect.map(mint, ({ text }) => text),
          3000
        )
        const statuses = new Set<number>()
        const flood = Effect.forEach(
          unknown,
          (token) => Effect.map(call(token), (status) => statuses.add(status)),
          {
            concurrency: 50,
            discard: true
          }
        )
        const flooding = yield* Effect.forkChild(flood)
        const own: Array<number> = []
        while (flooding.pollUnsafe() === undefined) own.push(yield* call(alice.text))
        expect(own.length).toBeGreaterThan(10)
        expect(new Set(own)).toEqual(new Set([200]))
        expect([...statuses].filter((status) => ![401, 429, 503].includes(status))).toEqual([])
      }).pipe(Effect.provide(service({ storage })))
    })
)
