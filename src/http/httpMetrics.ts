/** What the HTTP service contributes to the program's numbers and to its health. */
import { Effect, Layer, Option, Schema } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import { Health } from "../../layers/health/Health.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { reasons } from "../../layers/identity/FailedAttempts.ts"
import type { RedisConnection } from "../../layers/platform/RedisConnection.ts"
import { kinds, Quotas } from "../../layers/quotas/Quotas.ts"
import { SharedRedis } from "../../layers/storage/SharedRedis.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import * as callMetrics from "../../layers/telemetry/callMetrics.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import * as processMetrics from "../../layers/telemetry/processMetrics.ts"
import { Channels } from "../../layers/events/Channels.ts"
import { Sessions } from "../../layers/transports/Sessions.ts"

/** Limits are counted per instance, and tools that write are refused, while Redis is unreachable. */
class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {}) {
  override get message() {
    return "Redis is unreachable or written: tools that write are refused; see storage.redis_url"
  }
}

const reachable = ({ connected }: RedisConnection) =>
  Effect.suspend(() => (connected() ? Effect.void : Effect.fail(new Unreachable())))

/** `mostSessions`: beyond it, sessions that are in use keep new ones out. */
export const layer = (mostSessions: number) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const metrics = yield* Metrics
      const guard = yield* Guard
      const health = yield* Health
      const storage = yield* Storage
      const sessions = yield* Sessions
      const quotas = yield* Quotas
      const authenticator = yield* Authenticator
      const channels = yield* Channels
      const redis = yield* SharedRedis
      const run = Effect.runSyncWith(yield* Effect.context<never>())
      const count = (self: Effect.Effect<number>) => () => run(self)

      for (const kind of kinds) {
        const quota = quotas[kind]
        yield* metrics.gauge(
          "manifold_quota_used",
          "What is held of each quota: bytes for memory and output, numbers for the rest.",
          () => quota.used,
          { quota: kind }
        )
        yield* metrics.gauge(
          "manifold_quota_limit",
          "Limits of the quotas in total.",
          () => quota.limits.total,
          {
            quota: kind
          }
        )
        yield* metrics.total(
          "manifold_quota_rejected_total",
          "Requests and streams that a quota denied.",
          () => quota.rejected,
          { quota: kind }
        )
      }
      for (const reason of reasons) {
        yield* metrics.total(
          "manifold_authentication_failures_total",
          "Authentications that failed, by reason; throttled: beyond the limit of an address.",
          () => authenticator.failures()[reason],
          { reason }
        )
      }
      yield* metrics.gauge("manifold_sessions", "MCP sessions that are open.", count(sessions.count))
      yield* metrics.gauge("manifold_sessions_limit", "The most sessions at once.", () => mostSessions)
      yield* metrics.gauge(
        "manifold_clients",
        "Connected clients: sessions, event streams, WebSockets and subscriptions.",
        count(channels.active)
      )
      for (const state of ["closed", "open", "half-open"] as const) {
        const circuits = Effect.map(
          guard.state,
          (now) => [...now.circuits.values()].filter((each) => each === state).length
        )
        yield* metrics.gauge(
          "manifold_circuits",
          "Circuit breakers of tools that have failed.",
          count(circuits),
          { state }
        )
      }
      yield* channels.count(count(sessions.count))
      yield* health.add("storage", storage.writable)
      if (Option.isSome(redis)) yield* health.add("redis", reachable(redis.value), { optional: true })
    })
  ).pipe(Layer.provide([callMetrics.layer, processMetrics.layer, SharedRedis.layer]))

/** Built on top of the listener, whose sockets it counts. */
export const sockets = Layer.effectDiscard(
  Effect.gen(function* () {
    const listener = yield* Listener
    const metrics = yield* Metrics
    yield* metrics.gauge("manifold_sockets", "WebSockets that are open.", listener.sockets)
  })
)
