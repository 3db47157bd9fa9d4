/** Applications that are protected by a scope: credentials, what the application sees, and the end of a credential. */
import { expect } from "bun:test"
import { Context, Deferred, Effect } from "effect"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { backend, publish, publishing } from "../support/proxies.ts"
import { bearer } from "../support/rest.ts"
import { create } from "../support/storedTokens.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)

const events = (ended: Deferred.Deferred<void>) =>
  new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
      cancel: () => void Deferred.doneUnsafe(ended, Effect.void)
    }),
    { headers: { "content-type": "text/event-stream" } }
  )

it.live("a request needs a token with the scope, which the application does not see", () =>
  Effect.gen(function* () {
    const app = yield* backend(() => new Response("secret"))
    const { request, running } = yield* publishing(app.url, { protect: "read" })
    const token = (scopes: ReadonlyArray<string>) =>
      Effect.map(
        Effect.provideContext(create({ name: scopes.join("-").replaceAll(":", "."), scopes }), running),
        ({ text }) => bearer(text)
      )
    const missing = yield* wait(request("/"))
    expect([missing.status, missing.headers.get("www-authenticate")]).toEqual([
      401,
      'Bearer realm="manifold"'
    ])
    const page = yield* wait(request("/", { headers: { accept: "text/html" } }))
    expect([page.status, page.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"])
    const invalid = yield* wait(request("/", { headers: bearer("mcpt_wrong") }))
    expect([invalid.status, invalid.headers.get("www-authenticate")]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"')
    ])
    const other = yield* wait(request("/", { headers: yield* token(["call"]) }))
    expect([other.status, other.headers.get("www-authenticate")]).toEqual([
      403,
      expect.stringContaining('error="insufficient_scope", scope="mcp:read"')
    ])
    expect(app.requests).toEqual([])

    const reader = yield* token(["read"])
    const passed = yield* wait(
      request("/", { headers: { ...reader, "remote-user": "root", "x-forwarded-user": "root" } })
    )
    expect([passed.status, yield* wait(passed.text())]).toEqual([200, "secret"])
    expect(app.requests.at(-1)?.headers).toMatchObject({ "remote-user": "read", "x-forwarded-user": "read" })
    expect(app.requests.at(-1)?.headers).not.toHaveProperty("authorization")

    // Without protection, the application's own challenge and credentials pass.
    const own = yield* backend(
      () => new Response("x", { status: 401, headers: { "www-authenticate": 'Bearer realm="app"' } })
    )
    yield* Effect.provideContext(publish({ hostname: "own.example.com", target_url: own.url }), running)
    const challenged = yield* wait(
      request("/", { headers: { host: "own.example.com", authorization: "Bearer app" } })
    )
    expect([challenged.status, challenged.headers.get("www-authenticate")]).toEqual([
      401,
      'Bearer realm="app"'
    ])
    expect(own.requests.at(-1)?.headers["authorization"]).toBe("Bearer app")
  })
)

it.live("a revoked token ends streams and WebSockets of the application", () =>
  Effect.gen(function* () {
    const cancelled = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    const app = yield* backend(
      (request, server) => (server.upgrade(request, { data: undefined }) ? undefined : events(cancelled)),
      {
        open: (socket) => void socket.send("open"),
        message: () => {},
        close: () => void Deferred.doneUnsafe(closed, Effect.void)
      }
    )
    const storage = yield* sqlite
    const { port, request, running } = yield* publishing(app.url, { protect: "read" }, { storage })
    const { id, text } = yield* Effect.provideContext(create({ name: "reader", scopes: ["read"] }), running)
    const response = yield* wait(request("/events", { headers: bearer(text) }))
    const body = response.text().catch(() => "cut")
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
      headers: { host: "app.example.com", ...bearer(text) }
    })
    const code = new Promise<number>((resolve) => (socket.onclose = (event) => resolve(event.code)))
    yield* wait(new Promise((resolve) => (socket.onmessage = resolve)))
    yield* Context.get(running, StoredTokens).revoke(String(id), "operator")
    yield* Deferred.await(cancelled)
    yield* Deferred.await(closed)
    expect(yield* wait(code)).toBe(1008)
    yield* wait(body)
    expect((yield* wait(request("/events", { headers: bearer(text) }))).status).toBe(401)
  })
)
