/** The id of this service in the chains of entries and calls: the same after a restart, and for its commands. */
import { Context, Effect, Layer, Redacted } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { hmacSha256 } from "../../layers/platform/digest.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import type { Storage } from "../../layers/storage/Storage.ts"

const keyBytes = 32
const idLength = 32

export class OwnInstance extends Context.Service<
  OwnInstance,
  {
    /** Derived lazily, because only services that are connected to each other need it. */
    readonly id: Effect.Effect<string>
  }
>()("manifold/catalog/OwnInstance") {
  /**
   * Uses `storage` at the first use. Processes with one state folder and one configuration file have one id. Without a
   * usable state folder the id is new in each process.
   */
  static readonly layer = <R>(storage: Effect.Effect<Storage["Service"], never, R>) =>
    Layer.effect(
      OwnInstance,
      Effect.gen(function* () {
        const config = yield* ConfigSource
        const ids = yield* Ids
        const context = yield* Effect.context<R>()
        const derived = Effect.gen(function* () {
          const key = yield* (yield* storage).key("instance", keyBytes)
          const { source = "" } = yield* config.found
          return Buffer.from(hmacSha256(Redacted.value(key), source))
            .toString("hex")
            .slice(0, idLength)
        })
        const id = yield* Effect.cached(
          derived.pipe(
            Effect.catch(() => ids.next),
            Effect.provideContext(context)
          )
        )
        return OwnInstance.of({ id })
      })
    )
}
