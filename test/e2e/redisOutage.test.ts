/** The HTTP service during a Redis outage: reads continue, writes fail at once, and no request hangs. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import { it } from "../support/effect.ts"
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
})
