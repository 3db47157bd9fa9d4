/** The Redis that all instances share, if one is configured: for what must be exact across them and may be forgotten. */
import { Context, Effect, Layer, Option } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import type { RedisConnection } from "../platform/RedisConnection.ts"
import { section } from "./section.ts"

export class SharedRedis extends Context.Service<SharedRedis, Option.Option<RedisConnection>>()(
  "manifold/storage/SharedRedis"
) {
  /** As `storage.redis_url` says. A Redis that is away does not fail it. */
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
