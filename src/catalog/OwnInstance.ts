/** The id of this service in the chains of entries and calls: the same after a restart, and for its commands. */
import { Context, Effect, Layer, Path, Redacted } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { hmacSha256 } from "../../layers/platform/digest.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import type { Storage } from "../../layers/storage/Storage.ts"

const keyBytes = 32
const idLength = 32

/** Variables that have a configuration instead of a file, and name a further file of servers. */
const variables = ["MCP_CONFIG_JSON", "MCP_SERVERS_CONFIG_PATH"]

export class OwnInstance extends Context.Service<
  OwnInstance,
  {
    /** Derived lazily, because only services that are connected to each other need it. */
    readonly id: Effect.Effect<string>
  }
>()("manifold/catalog/OwnInstance") {
  /**
   * Uses `storage` at the first use. Processes with one state folder and one configuration have one id. Without a
   * usable state folder the id is new in each process.
   */
  static readonly layer = <R>(storage: Effect.Effect<Storage["Service"], never, R>) =>
    Layer.effect(
      OwnInstance,
      Effect.gen(function* () {
        const config = yield* ConfigSource
        const ids = yield* Ids
        const environment = yield* Environment
        const paths = yield* Path.Path
        const context = yield* Effect.context<R>()
        const derived = Effect.gen(function* () {
          const key = yield* (yield* storage).key("instance", keyBytes)
          const { file } = yield* config.found
          const configuration = JSON.stringify([
            file === undefined ? "" : paths.resolve(file),
            ...variables.map((name) => environment.get(name) ?? "")
          ])
          const mac = hmacSha256(Redacted.value(key), configuration)
          return Buffer.from(mac).toString("hex").slice(0, idLength)
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
