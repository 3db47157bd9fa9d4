/** Fixed-window counters per key in Redis, shared by all instances. Loaded only if Redis is configured. */
import { Duration, Effect, Random } from "effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Redis from "effect/persistence/Redis"
import type { RedisConnection } from "../platform/RedisConnection.ts"
import { LimiterUnavailable, rateLimited, type RateLimited } from "./GuardError.ts"
import type { Limit } from "./fixedWindows.ts"

/** A call is not refunded to a window that ends within this time: the next window may have started. In milliseconds. */
const refundMargin = 2000

/** About the time that it takes to reconnect to Redis. */
const unavailable = new LimiterUnavailable({ retryAfter: 2000 })

/** Redis counts whole milliseconds, rounded up. Random rounding is right on average. */
const wholeMillis = (millis: number) => {
  const whole = Math.floor(millis)
  return whole === millis
    ? Effect.succeed(Duration.millis(whole))
    : Effect.map(Random.next, (chance) => Duration.millis(chance < millis - whole ? whole + 1 : whole))
}

/**
 * Limits are checked one after the other. A call that one limit rejects is refunded to the limits before it.
 */
export const make = Effect.fnUntraced(function* (
  connection: RedisConnection,
  local: (limits: ReadonlyArray<Limit>) => Effect.Effect<number, RateLimited>
) {
  const store = yield* Effect.provideService(
    RateLimiter.makeStoreRedis({ prefix: "manifold:limit:" }),
    Redis.Redis,
    connection.redis
  )

  const shared = Effect.fnUntraced(function* (limits: ReadonlyArray<Limit>) {
    const refunds: Array<Effect.Effect<unknown, RateLimiter.RateLimiterError>> = []
    let left = Infinity
    for (const limit of limits) {
      const { key, max, window } = limit
      const refillRate = yield* wholeMillis(window / Math.max(1, max))
      // A new window would count its first call even if the limit is 0.
      const [count, ttl] =
        max < 1 ? [1, window] : yield* store.fixedWindow({ key, tokens: 1, refillRate, limit: max })
      if (count > max) {
        yield* Effect.ignore(Effect.all(refunds))
        return yield* rateLimited({ limit, retryAfter: Math.max(1, ttl) })
      }
      if (ttl > refundMargin)
        refunds.push(store.fixedWindow({ key, tokens: -1, refillRate, limit: undefined }))
      left = Math.min(left, max - count)
    }
    return left
  })

  return (limits: ReadonlyArray<Limit>, onOutage: "local" | "refuse") => {
    const fallback: Effect.Effect<number, RateLimited | LimiterUnavailable> =
      onOutage === "local" ? local(limits) : Effect.fail(unavailable)
    return Effect.suspend(() =>
      connection.connected() ? Effect.catchTag(shared(limits), "RateLimiterError", () => fallback) : fallback
    )
  }
})
