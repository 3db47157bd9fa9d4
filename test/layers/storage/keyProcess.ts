/** One of several processes that read one key: waits for a line on standard input, then prints the key. */
import { Effect, Layer, Logger, Redacted } from "effect"
import { Hex } from "effect/encoding"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Storage } from "../../../layers/storage/Storage.ts"

const program = Effect.gen(function* () {
  const storage = yield* Storage
  yield* Effect.sync(() => process.stdout.write("ready\n"))
  yield* Effect.promise(() => Bun.stdin.text())
  const key = yield* storage.key("race", 32)
  yield* Effect.sync(() => process.stdout.write(`${Hex.encode(Redacted.value(key))}\n`))
})

const layer = Storage.layer.pipe(
  Layer.provide(ConfigSource.layer),
  Layer.provide([Environment.layer, Ids.layer, Platform.layer])
)

await Effect.runPromise(Effect.provide(program, layer).pipe(Effect.provideService(Logger.LogToStderr, true)))
