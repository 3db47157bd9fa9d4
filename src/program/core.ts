/** Layers of every server: an empty catalog, Guard, health, metrics, progress, storage, and MCP servers over the catalog. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Budget } from "../../layers/guard/Budget.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Health } from "../../layers/health/Health.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import * as ProgressLog from "../../layers/progress/logProgress.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { Identity } from "../domain/Identity.ts"
import { RequestState } from "../mcp/RequestState.ts"
import * as Servers from "../mcp/mcpServers.ts"
import { SuspendedCalls } from "../mcp/SuspendedCalls.ts"
import * as mcpSection from "../mcp/section.ts"

const catalogOptions = Effect.map(
  Effect.flatMap(ConfigSource, (config) => config.read(mcpSection.section)),
  ({ max_result_bytes, page_bytes, page_size }) => ({
    pageSize: page_size,
    pageBytes: page_bytes,
    maxResultBytes: max_result_bytes
  })
)

const health = Layer.unwrap(Effect.map(Identity, ({ version }) => Health.layer(version)))

/** An empty catalog; needs `grounded`. */
export const core = Layer.effect(Catalog, Effect.flatMap(catalogOptions, Catalog.make)).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Guard.layer.pipe(Layer.provide(Budget.layerUnlimited)),
      Metrics.layer,
      ProgressLog.layer.pipe(Layer.provideMerge(ProgressEvents.layer)),
      health,
      Storage.layer
    )
  )
)

/** MCP servers over the provided catalog. */
export const servers = Servers.layer.pipe(
  Layer.provide(RequestState.layer(Storage)),
  Layer.provideMerge(SuspendedCalls.layer)
)
