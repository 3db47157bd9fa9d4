/** Redis shared by all instances, if configured: for ephemeral state that must be exact across them. */
import { Context, Effect, Layer, Option } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import type { RedisConnection } from "../platform/RedisConnection.ts"
import { section } from "./section.ts"

export class SharedRedis extends Context.Service<SharedRedis, Option.Option<RedisConnection>>()(
  "manifold/storage/SharedRedis"
) {
  /** Connects to `storage.redis_url`. Does not fail if Redis is unreachable. */
  static readonly layer = Layer.effect(
    SharedRedis,
    Effect.gen(function* () {
      const { redis_url } = yield* (yield* ConfigSource).read(section)
      if (redis_url === undefined) return Option.none()
      const { connect } = yield* Effect.promise(() => import("../platform/RedisConnection.ts"))
      return Option.some(yield* connect(redis_url))
    })
  )

  static readonly layerNone = Layer.succeed(SharedRedis, Option.none())
}
