/** One of several processes under the same limits: reports ready, waits for a line of input, prints how many calls passed. */
import { Effect, Layer, Logger } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { RateLimit } from "../../../layers/guard/RateLimit.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { SharedRedis } from "../../../layers/storage/SharedRedis.ts"

/** In milliseconds; long enough that no call is refilled while the test runs. */
const window = 3_600_000

const limits = [
  { name: "principal", key: "principal:alice", max: 1000, window },
  { name: "total", key: "total", max: 100, window }
]

const program = Effect.gen(function* () {
  const { take } = yield* RateLimit
  yield* Effect.sync(() => process.stdout.write("ready\n"))
  yield* Effect.promise(() => Bun.stdin.text())
  const call = Effect.match(take(limits, "refuse"), { onSuccess: () => 1, onFailure: () => 0 })
  const passed = yield* Effect.all(
    Array.from({ length: 400 }, () => call),
    { concurrency: 50 }
  )
  yield* Effect.sync(() => process.stdout.write(`${passed.filter((each) => each === 1).length}\n`))
})

const layer = RateLimit.layerNoDeps.pipe(
  Layer.provide(SharedRedis.layer),
  Layer.provide(ConfigSource.layer),
  Layer.provide([Environment.layer, Platform.layer])
)

await Effect.runPromise(Effect.provide(program, layer).pipe(Effect.provideService(Logger.LogToStderr, true)))
