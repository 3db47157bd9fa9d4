/** Hot reload of the configuration, and the warning about a file of the working folder that is not read. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { legacyFileWarning } from "../../layers/config/legacyFileWarning.ts"
import * as Reload from "../../layers/config/Reload.ts"
import { Signals } from "../../layers/platform/Signals.ts"

const warning = Effect.gen(function* () {
  const unread = yield* legacyFileWarning(yield* (yield* ConfigSource).found)
  if (unread !== undefined) yield* Effect.logWarning(unread)
})

export const hotReload = Layer.mergeAll(
  Layer.effectDiscard(warning),
  Reload.layer.pipe(Layer.provide(Signals.layer))
)
