/** Whether the Redis that instances share can be reached and written, where one is configured. */
import { Effect, Layer, Option } from "effect"
import type { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { SharedRedis } from "../../../layers/storage/SharedRedis.ts"
import { type Check, fail, ok } from "./Check.ts"
import { unknown } from "./configuration.ts"

export const redis: Check<ConfigSource> = {
  name: "redis",
  run: SharedRedis.pipe(
    Effect.map(
      Option.match({
        onNone: () => [],
        onSome: ({ connected }) => [
          connected()
            ? ok("answers, and takes what is written")
            : fail("cannot be reached or written: start it, or correct storage.redis_url")
        ]
      })
    ),
    Effect.provide(Layer.fresh(SharedRedis.layer)),
    Effect.catchTag("ConfigInvalid", () => Effect.succeed([unknown("its address")]))
  )
}
