/** The HTTP service during a Redis outage: reads continue, writes fail at once, and no request hangs. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import { it } from "../support/effect.ts"
import { oauthService } from "../support/oauth.ts"
import { describeRedis, redisServer } from "../support/redis.ts"
import { endpoint, post, service, stateFolder, stateless } from "../support/service.ts"

const reads = { name: "math.add", arguments: { a: 1, b: 2 } }
/** A tool without the read-only hint. */
const changes = { name: "wait" }

describeRedis("during a Redis outage the HTTP service", () => {
  it.live(
    "serves read-only tools, rejects others with 503, and releases every slot",
    () =>
      Effect.gen(function* () {
        const server = yield* redisServer()
        const dir = yield* stateFolder
        yield* Effect.gen(function* () {
          const url = yield* endpoint
          let id = 0
          const ask = (params: { readonly name: string }) =>
            Effect.gen(function* () {
              const { body, headers } = stateless(++id, "tools/call", params)
              const response = yield* post(url, body, headers)
              const { error } = (yield* Effect.promise(() => response.json())) as {
                error?: { data?: { error_class?: string } }
              }
              return { status: response.status, reason: error?.data?.error_class, headers: response.headers }
            })
          const statuses = (count: number) =>
            Effect.map(
              Effect.all(
                Effect.replicate(
                  Effect.map(ask(reads), ({ status }) => status),
                  count
                ),
                { concurrency: 16 }
              ),
              (all) => new Set(all)
            )

          expect(yield* statuses(50)).toEqual(new Set([200]))
          // Redis ends while calls arrive and responses are pending.
          const [during] = yield* Effect.all([statuses(400), server.kill], { concurrency: 2 })
          expect(during).toEqual(new Set([200]))

          const health = yield* Effect.promise(() => fetch(new URL("/health", url)))
          expect(health.status).toBe(200)
          expect(yield* Effect.promise(() => health.json())).toMatchObject({
            status: "degraded",
            parts: { redis: { status: "failing" } }
          })
          const refused = yield* ask(changes)
          expect(refused).toMatchObject({ status: 503, reason: "LimiterUnavailable" })
          expect(refused.headers.get("retry-after")).toBe("2")
          expect(yield* statuses(50)).toEqual(new Set([200]))

          // A Redis that keeps its connections but never responds is also unreachable.
          yield* server.restart
          const back = ask({ name: "tick" })
          yield* Effect.repeat(back, { until: ({ reason }) => reason !== "LimiterUnavailable" })
          yield* server.freeze
          expect(yield* statuses(50)).toEqual(new Set([200]))
          expect((yield* ask(changes)).reason).toBe("LimiterUnavailable")
          yield* server.thaw
          yield* Effect.repeat(back, { until: ({ reason }) => reason !== "LimiterUnavailable" })
          expect(yield* statuses(50)).toEqual(new Set([200]))
          const guard = yield* Guard
          expect(yield* guard.state).toMatchObject({ running: 0, waiting: 0 })
        }).pipe(
          Effect.provide(
            service({
              storage: { dir, redis_url: server.url },
              limits: { tools: { wait: { time_limit: "50 millis" }, tick: { time_limit: "50 millis" } } }
            })
          )
        )
      }),
    60_000
  )

  it.live("answers 503 to sign-ins, tokens and tickets, and serves them when Redis is back", () =>
    Effect.gen(function* () {
      const server = yield* redisServer()
      const token = "a".repeat(40)
      const { base } = yield* oauthService(
        { dir: yield* stateFolder, redis_url: server.url },
        { auth: { tokens: [{ name: "admin", token, scopes: ["read", "admin"] }] } }
      )
      const ask = (method: string, path: string, accept = "application/json") =>
        Effect.promise(async () => {
          const response = await fetch(base + path, {
            method,
            headers: { authorization: `Bearer ${token}`, accept, "content-type": "application/json" },
            ...(method === "POST" && { body: JSON.stringify({ path: "/stream" }) })
          })
          return { status: response.status, retryAfter: response.headers.get("retry-after") }
        })
      const closed = [
        ["GET", "/auth/tokens", "2"],
        ["POST", "/auth/ticket", "2"],
        ["GET", "/oauth/jwks", "5"],
        ["GET", "/oauth/authorize?client_id=a", "5"],
        ["POST", "/oauth/token", "5"],
        ["POST", "/oauth/register", "5"]
      ] as const
      const before = yield* Effect.forEach(closed, ([method, path]) => ask(method, path))
      expect(before.map(({ status }) => status)).toEqual([200, 201, 200, 400, 400, 400])
      for (const [stop, start] of [
        [server.kill, server.restart],
        [server.freeze, server.thaw]
      ] as const) {
        yield* stop
        for (const [method, path, retryAfter] of closed) {
          expect([path, yield* ask(method, path)]).toEqual([path, { status: 503, retryAfter }])
        }
        // Not counted, or a read.
        const metadata = yield* ask("GET", "/.well-known/oauth-protected-resource/mcp")
        expect(metadata.status).toBe(200)
        yield* start
        for (const [index, [method, path]] of closed.entries()) {
          const after = yield* Effect.repeat(ask(method, path), { until: ({ status }) => status !== 503 })
          expect([path, after.status]).toEqual([path, before[index]?.status ?? 0])
        }
      }
    })
  )
})
