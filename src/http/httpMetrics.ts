/** Metrics and health checks of the HTTP service. */
import { Effect, Layer, Option, Schema } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import { Health } from "../../layers/health/Health.ts"
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

/** Redis is unreachable: limits are counted per instance, and tools that write are rejected. */
class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {}) {
  override get message() {
    return "Redis is unreachable or not writable: tools that write are rejected; see storage.redis_url"
  }
}

const reachable = ({ connected }: RedisConnection) =>
  Effect.suspend(() => (connected() ? Effect.void : Effect.fail(new Unreachable())))

/** `maxSessions`: maximum number of open sessions (`mcp.sessions.max`). */
export const layer = (maxSessions: number) =>
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
          "Current use of each quota: bytes for memory and output, numbers for the others.",
          () => quota.used,
          { quota: kind }
        )
        yield* metrics.gauge(
          "manifold_quota_limit",
          "Total limit of each quota, over all principals.",
          () => quota.limits.total,
          {
            quota: kind
          }
        )
        yield* metrics.total(
          "manifold_quota_rejected_total",
          "Requests and streams rejected by a quota.",
          () => quota.rejected,
          { quota: kind }
        )
      }
      for (const reason of reasons) {
        yield* metrics.total(
          "manifold_authentication_failures_total",
          "Failed authentications by reason; throttled: above the limit per address.",
          () => authenticator.failures()[reason],
          { reason }
        )
      }
      yield* metrics.gauge("manifold_sessions", "Open MCP sessions.", count(sessions.count))
      yield* metrics.gauge(
        "manifold_sessions_limit",
        "Maximum number of open MCP sessions.",
        () => maxSessions
      )
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
          "Circuit breakers by state; a breaker exists after the first failure of its tool.",
          count(circuits),
          { state }
        )
      }
      yield* channels.count(count(sessions.count))
      yield* health.add("storage", storage.writable)
      if (Option.isSome(redis)) yield* health.add("redis", reachable(redis.value), { optional: true })
    })
  ).pipe(Layer.provide([callMetrics.layer, processMetrics.layer, SharedRedis.layer]))

/** Gauge of open WebSockets. `served`: the listener, or the handlers of another one. */
export const sockets = <E, R>(served: Effect.Effect<{ readonly sockets: () => number }, E, R>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { sockets: count } = yield* served
      const metrics = yield* Metrics
      yield* metrics.gauge("manifold_sockets", "Open WebSockets.", count)
    })
  )
