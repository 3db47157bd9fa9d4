/** Checks that the configured Redis is reachable and writable. */
import { Effect, Layer, Option } from "effect"
import type { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { SharedRedis } from "../../../layers/storage/SharedRedis.ts"
import { type Check, fail, ok } from "./Check.ts"
import { notCheckable } from "./configuration.ts"

export const redis: Check<ConfigSource> = {
  name: "redis",
  run: SharedRedis.pipe(
    Effect.map(
      Option.match({
        onNone: () => [],
        onSome: ({ connected }) => [
          connected()
            ? ok("reachable and writable")
            : fail("not reachable or not writable: start it, or correct storage.redis_url")
        ]
      })
    ),
    Effect.provide(Layer.fresh(SharedRedis.layer)),
    Effect.catchTag("ConfigInvalid", () => Effect.succeed([notCheckable("Redis")]))
  )
}
