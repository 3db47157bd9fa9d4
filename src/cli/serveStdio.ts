/** `manifold serve`: the stdio server, without the imports of the other commands. */
import { Context, Effect, Fiber, Latch, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as http from "../../layers/http/section.ts"
import { StdioPipe } from "../../layers/platform/StdioPipe.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { boundsOf } from "../../layers/transports/jsonBounds.ts"
import * as Stdio from "../../layers/transports/Stdio.ts"
import { Catalog } from "../catalog/Catalog.ts"
import * as deferredCatalog from "../catalog/deferredCatalog.ts"
import { OwnInstance } from "../catalog/OwnInstance.ts"
import { RequestState } from "../mcp/RequestState.ts"
import { SuspendedCalls } from "../mcp/SuspendedCalls.ts"
import * as Servers from "../mcp/mcpServers.ts"
import { configured } from "../program/baseLayers.ts"

/** Services that `initialize` does not need; their code is loaded with them. */
const rest = Layer.merge(
  Storage.layer,
  Layer.unwrap(
    Effect.gen(function* () {
      const { serving } = yield* Effect.promise(() => import("../program/program.ts"))
      const { hotReload } = yield* Effect.promise(() => import("../program/reloadConfig.ts"))
      return Layer.merge(serving, hotReload)
    })
  )
)

/** The same pipe; its first write opens the latch. */
const watched = (pipe: StdioPipe["Service"], latch: Latch.Latch): StdioPipe["Service"] => ({
  ...pipe,
  write: (chunk) => {
    const written = pipe.write(chunk)
    latch.openUnsafe()
    return written
  }
})

export const serveStdio = Effect.gen(function* () {
  const config = yield* ConfigSource
  const settings = yield* config.read(http.section)
  yield* Effect.logDebug("serving stdio")
  // Clients start many servers and wait for each `initialize` response, so the catalog is built after it or on first use.
  const needed = yield* Latch.make()
  const made = yield* Effect.forkScoped(Effect.andThen(needed.await, Layer.build(rest)))
  const loaded = Fiber.join(made)
  const load = Effect.orDie(Effect.andThen(needed.open, loaded))
  const storage = Effect.map(load, Context.get(Storage))
  const servers = Servers.layer.pipe(
    Layer.provide([RequestState.layer(storage), OwnInstance.layer(storage), SuspendedCalls.layer]),
    Layer.provide(
      Layer.succeed(
        Catalog,
        deferredCatalog.make({
          load: Effect.map(load, Context.get(Catalog)),
          loaded: Effect.map(Effect.orDie(loaded), Context.get(Catalog))
        })
      )
    )
  )
  const pipe = watched(yield* StdioPipe, needed)
  const limits = { maxMessageBytes: settings.max_message_bytes, bounds: boundsOf(settings) }
  yield* Stdio.serve({ ...limits, prepared: load }).pipe(
    Effect.provide(Layer.merge(servers, Layer.succeed(StdioPipe, pipe))),
    Effect.raceFirst(Effect.andThen(loaded, Effect.never))
  )
}).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(configured, StdioPipe.layer)))
