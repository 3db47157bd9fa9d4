/** Fixed-window counters per key in Redis, shared by all instances; loaded only if Redis is configured. */
import { Duration, Effect, Random } from "effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Redis from "effect/persistence/Redis"
import type { RedisConnection } from "../platform/RedisConnection.ts"
import { LimiterUnavailable, rateLimited, type RateLimited } from "./GuardError.ts"
import type { Limit } from "./fixedWindows.ts"

/** A window that ends sooner than this may be another one by the time a call is given back to it. In milliseconds. */
const soon = 2000

/** As long as it takes to notice that Redis is back, more or less. */
const unavailable = new LimiterUnavailable({ retryAfter: 2000 })

/** Redis counts time in whole milliseconds, rounded up; by chance it is right on average. */
const wholeMillis = (millis: number) => {
  const whole = Math.floor(millis)
  return whole === millis
    ? Effect.succeed(Duration.millis(whole))
    : Effect.map(Random.next, (chance) => Duration.millis(chance < millis - whole ? whole + 1 : whole))
}

/**
 * Limits are asked one after the other. A call that is refused by one is given back to those before, so that it has
 * been counted there only while it was asked about.
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
    const passed: Array<Effect.Effect<unknown, RateLimiter.RateLimiterError>> = []
    let left = Infinity
    for (const limit of limits) {
      const { key, max, window } = limit
      const refillRate = yield* wholeMillis(window / Math.max(1, max))
      // A new window counts its first call even where the limit is none.
      const [count, ttl] =
        max < 1 ? [1, window] : yield* store.fixedWindow({ key, tokens: 1, refillRate, limit: max })
      if (count > max) {
        yield* Effect.ignore(Effect.all(passed))
        return yield* rateLimited({ limit, retryAfter: Math.max(1, ttl) })
      }
      if (ttl > soon) passed.push(store.fixedWindow({ key, tokens: -1, refillRate, limit: undefined }))
      left = Math.min(left, max - count)
    }
    return left
  })

  return (limits: ReadonlyArray<Limit>, onOutage: "local" | "refuse") => {
    const otherwise: Effect.Effect<number, RateLimited | LimiterUnavailable> =
      onOutage === "local" ? local(limits) : Effect.fail(unavailable)
    return Effect.suspend(() =>
      connection.connected()
        ? Effect.catchTag(shared(limits), "RateLimiterError", () => otherwise)
        : otherwise
    )
  }
})
