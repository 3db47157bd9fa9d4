/** Tickets of browsers: valid once, for a path and 30 seconds, on WebSockets and event streams only, and never logged. */
import { expect } from "bun:test"
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client"
import { Context, Effect, Layer, type Scope } from "effect"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { chatWith, script } from "../support/chat.ts"
import { databases, onEachDatabase, type StorageSettings } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { local } from "../support/models.ts"
import { Browser, SdkClient, withAlice } from "../support/oauth.ts"
import { bearer, get, json, send, type Headers } from "../support/rest.ts"
import { endpoint, post, request, service, stateless } from "../support/service.ts"
import { create, instanceOf } from "../support/storedTokens.ts"
import { webSocket } from "../support/webSocket.ts"

const configured = { name: "configured", token: "configured-0123456789abcdef0123456789abcdef" }
const logFile = "test.log"

type Database = Effect.Effect<StorageSettings, never, Scope.Scope>

const instance = (storage: StorageSettings, config: Readonly<Record<string, unknown>> = {}) =>
  Layer.build(
    service({
      storage,
      auth: { tokens: [configured] },
      logging: { level: "none" },
      ...config
    })
  )

const served = Effect.fnUntraced(function* (database: Database, config?: Readonly<Record<string, unknown>>) {
  const storage = yield* database
  const running = yield* instance(storage, config)
  const other = yield* Layer.build(instanceOf(storage))
  const alice = yield* Effect.provideContext(create({ name: "alice" }), other)
  return { storage, running, other, alice: bearer(alice.text) }
})

const issue = (path: string, headers: Headers) => json(send("/auth/ticket", { path }, headers))
const ticketOf = (path: string, headers: Headers) =>
  Effect.map(issue(path, headers), ({ body, status }) => {
    expect(status).toBe(201)
    return String(body["ticket"])
  })

/** Status of a GET with the ticket; its stream is closed. */
const status = (path: string, ticket: string) =>
  Effect.flatMap(
    get(`${path}${path.includes("?") ? "&" : "?"}ticket=${ticket}`, { accept: "text/event-stream" }),
    (response) => Effect.promise(async () => (await response.body?.cancel(), response.status))
  )

onEachDatabase("tickets", (database) => {
  it.live("a ticket opens one WebSocket as its principal", () =>
    Effect.gen(function* () {
      const { alice, running } = yield* served(database)
      yield* Effect.gen(function* () {
        const url = new URL("/mcp/ws", yield* endpoint)
        for (const headers of [alice, bearer(configured.token)]) {
          url.searchParams.set("ticket", yield* ticketOf("/mcp/ws", headers))
          const socket = yield* webSocket(url)
          yield* socket.send(request(1, "ping"))
          expect(yield* socket.next).toMatchObject({ id: 1, result: {} })
          const again = yield* webSocket(url)
          expect(again.socket.readyState).toBe(WebSocket.CLOSED)
        }
      }).pipe(Effect.provideContext(running))
    })
  )

  it.live("tickets open event streams, also those of conversations", () =>
    Effect.gen(function* () {
      const { url: model } = yield* script(["Hello"])
      const { alice, running } = yield* served(database, { llm: local(model), chat: chatWith({}) })
      yield* Effect.gen(function* () {
        const { body } = yield* json(
          send("/chat", { text: "Hi", request_id: "r1" }, { ...alice, accept: "application/json" })
        )
        const stream = `/chat/${String(body["conversation_id"])}/stream`
        for (const path of ["/mcp/sse", "/stream"]) {
          expect([path, yield* status(path, yield* ticketOf(path, alice))]).toEqual([path, 200])
        }
        // The turn has ended, so that its stream has no events.
        expect(yield* status(stream, yield* ticketOf(stream, alice))).toBe(204)
        expect(yield* status("/stream?channels=usage", yield* ticketOf("/stream", alice))).toBe(200)
        const chat = new URL("/ws/chat", yield* endpoint)
        chat.searchParams.set("ticket", yield* ticketOf("/ws/chat", alice))
        expect((yield* webSocket(chat)).socket.readyState).toBe(WebSocket.OPEN)
      }).pipe(Effect.provideContext(running))
    })
  )

  it.live("a ticket is rejected on other paths, methods and endpoints, and without the token behind it", () =>
    Effect.gen(function* () {
      const { alice, other, running } = yield* served(database)
      yield* Effect.gen(function* () {
        const wrong = yield* ticketOf("/mcp/ws", alice)
        expect(yield* status("/stream", wrong)).toBe(401)
        expect(yield* status("/mcp/ws", wrong)).toBe(401)
        for (const path of ["/usage", "/mcp", "/chat", "/mcp/clients", "/auth/tokens", "/info"]) {
          expect([path, yield* status(path, yield* ticketOf(path, alice))]).toEqual([path, 401])
        }
        const url = yield* endpoint
        const { body, headers } = stateless(1, "tools/list")
        const ticket = yield* ticketOf("/mcp", alice)
        expect((yield* post(new URL(`/mcp?ticket=${ticket}`, url), body, headers)).status).toBe(401)
        expect((yield* get("/stream", bearer(yield* ticketOf("/stream", alice)))).status).toBe(401)
        for (const text of ["", "x", "mcptk_", `mcptk_${"a".repeat(43)}`, `mcptk_${"a".repeat(43)}%00`]) {
          expect([text, yield* status("/stream", text)]).toEqual([text, 401])
        }
        const token = alice["authorization"]?.replace("Bearer ", "") ?? ""
        for (const name of ["access_token", "token", "ticket"]) {
          expect([name, (yield* get(`/stream?${name}=${token}`)).status]).toEqual([name, 401])
        }
        for (const path of ["", "stream", "/stream?x=1", "/a b", `/${"a".repeat(1024)}`]) {
          expect([path, (yield* issue(path, alice)).status]).toEqual([path, 422])
        }
        expect((yield* issue("/stream", {})).status).toBe(401)
        const last = yield* ticketOf("/stream", alice)
        yield* Context.get(other, StoredTokens).revoke("alice", "operator")
        expect(yield* status("/stream", last)).toBe(401)
      }).pipe(Effect.provideContext(running))
    })
  )

  it.live("of many requests with one ticket, on two instances, one succeeds", () =>
    Effect.gen(function* () {
      const { alice, running, storage } = yield* served(database)
      const second = yield* instance(storage, { logging: { level: "none" } })
      for (const headers of [alice, bearer(configured.token)]) {
        const ticket = yield* Effect.provideContext(ticketOf("/stream", headers), running)
        const redeem = Array.from({ length: 20 }, (_, index) =>
          Effect.provideContext(status("/stream", ticket), index % 2 === 0 ? running : second)
        )
        const statuses = yield* Effect.all(redeem, { concurrency: "unbounded" })
        expect(statuses.filter((each) => each === 200)).toHaveLength(1)
        expect(statuses.filter((each) => each === 401 || each === 429)).toHaveLength(19)
      }
    })
  )

  it.live("a stream that a ticket opened ends with the token within a second", () =>
    Effect.gen(function* () {
      const { alice, other, running } = yield* served(database)
      yield* Effect.gen(function* () {
        const ticket = yield* ticketOf("/stream", alice)
        const response = yield* get(`/stream?ticket=${ticket}`)
        expect(response.headers.get("referrer-policy")).toBe("no-referrer")
        const revoked = performance.now()
        yield* Context.get(other, StoredTokens).revoke("alice", "operator")
        const text = yield* Effect.promise(() => response.text())
        expect(performance.now() - revoked).toBeLessThan(1000)
        expect(text).toContain("the credential is revoked")
      }).pipe(Effect.provideContext(running))
    })
  )

  it.live(
    "a principal has a limited number of unused tickets, and the log contains no ticket and no token of a URL",
    () =>
      Effect.gen(function* () {
        const logging = { level: "trace", format: "json", file: logFile }
        const { alice, running, storage } = yield* served(database, { logging })
        yield* Effect.gen(function* () {
          const tickets: Array<string> = []
          for (let each = 0; each < 100; each++) tickets.push(yield* ticketOf("/stream", alice))
          expect((yield* issue("/stream", alice)).status).toBe(429)
          expect((yield* issue("/stream", bearer(configured.token))).status).toBe(201)
          expect(yield* status("/stream", tickets[0] ?? "")).toBe(200)
          expect(yield* status("/stream", tickets[0] ?? "")).toBe(401)
          expect(yield* status("/usage", tickets[1] ?? "")).toBe(401)
          const token = alice["authorization"]?.replace("Bearer ", "") ?? ""
          expect((yield* get(`/stream?access_token=${token}`)).status).toBe(401)
          expect((yield* issue("/stream", alice)).status).toBe(201)
        }).pipe(Effect.provideContext(running))
        const log = yield* Effect.repeat(
          Effect.promise(() => Bun.file(`${storage.dir}/${logFile}`).text()),
          { until: (text) => text.includes("authentication failed") }
        )
        expect(log).not.toContain("mcptk_")
        expect(log).not.toContain("mcpt_")
      })
  )
})

it.live("the ticket of a caller without a token is valid on this machine only", () =>
  Effect.gen(function* () {
    const open = (headers: Headers) =>
      Effect.gen(function* () {
        const ticket = yield* ticketOf("/stream", {})
        const response = yield* get(`/stream?ticket=${ticket}`, headers)
        yield* Effect.promise(async () => response.body?.cancel())
        return response.status
      })
    expect(yield* open({})).toBe(200)
    expect(yield* open({ "x-forwarded-for": "192.0.2.1" })).toBe(401)
  }).pipe(Effect.provide(service()))
)

it.live("an access token gets tickets for the resource that it was issued for only", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(databases.SQLite)
    const provider = new SdkClient()
    const connect = () => {
      const transport = new StreamableHTTPClientTransport(new URL("/mcp", base), { authProvider: provider })
      return { transport, connected: new Client({ name: "test", version: "1" }).connect(transport) }
    }
    yield* Effect.promise(async () => {
      const { connected, transport } = connect()
      await connected.catch((error: unknown) => expect(error).toBeInstanceOf(UnauthorizedError))
      const url = provider.authorizationUrl
      if (url === undefined) throw new Error("no authorization URL")
      await transport.finishAuth((await new Browser().authorize(url)).searchParams)
    })
    const headers = { ...bearer(provider.tokens()?.access_token ?? ""), "content-type": "application/json" }
    const statusOf = (path: string) =>
      Effect.promise(async () => {
        const body = JSON.stringify({ path })
        return (await fetch(`${base}/auth/ticket`, { method: "POST", headers, body })).status
      })
    expect(yield* statusOf("/mcp")).toBe(201)
    for (const path of ["/mcp/ws", "/ws/chat", "/stream", "/chat/a/stream"]) {
      expect([path, yield* statusOf(path)]).toEqual([path, 401])
    }
  })
)
