/** The program as layers: the catalog with everything in it, and MCP servers over it. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Decks } from "../../layers/decks/Decks.ts"
import { Output } from "../../layers/output/Output.ts"
import { Budget } from "../../layers/guard/Budget.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Health } from "../../layers/health/Health.ts"
import { Outbound } from "../../layers/outbound/Outbound.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import * as ProgressLog from "../../layers/progress/ProgressLog.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import * as Telemetry from "../../layers/telemetry/Telemetry.ts"
import { Templates } from "../../layers/templates/Templates.ts"
import { Web } from "../../layers/web/Web.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { program } from "../domain/version.ts"
import { RequestState } from "../mcp/RequestState.ts"
import { SuspendedCalls } from "../mcp/SuspendedCalls.ts"
import * as Servers from "../mcp/Servers.ts"
import * as mcpSection from "../mcp/section.ts"
import * as prompts from "../prompts/layer.ts"
import * as resources from "../resources/index.ts"
import * as tools from "../tools/index.ts"
import { configured, grounded } from "./baseLayers.ts"

const catalogOptions = Effect.map(
  Effect.flatMap(ConfigSource, (config) => config.read(mcpSection.section)),
  ({ max_result_bytes, page_bytes, page_size }) => ({
    pageSize: page_size,
    pageBytes: page_bytes,
    maxResultBytes: max_result_bytes
  })
)

/** The catalog with everything in it; stands on `grounded`. */
export const contents = Layer.mergeAll(tools.layer, prompts.layer, resources.layer).pipe(
  Layer.provideMerge(Layer.effect(Catalog, Effect.flatMap(catalogOptions, Catalog.make))),
  Layer.provideMerge(
    Layer.mergeAll(
      Guard.layer.pipe(Layer.provide(Budget.layerUnlimited)),
      Metrics.layer,
      ProgressLog.layer.pipe(Layer.provideMerge(ProgressEvents.layer)),
      Health.layer(program.version),
      Templates.layer,
      Layer.mergeAll(Web.layer, Decks.layer.pipe(Layer.provideMerge(Output.layer))).pipe(
        Layer.provideMerge(Outbound.layer),
        Layer.provideMerge(Storage.layer)
      )
    )
  )
)

/** The catalog, for a command that uses it. */
export const catalog = contents.pipe(Layer.provideMerge(grounded))

/** The same for a server, which may report to a collector. */
export const serving = Telemetry.layer.pipe(Layer.provideMerge(contents))

/** MCP servers over that catalog. */
export const mcp = Servers.layer.pipe(
  Layer.provideMerge(Layer.merge(RequestState.layer(Storage), SuspendedCalls.layer)),
  Layer.provideMerge(serving),
  Layer.provideMerge(configured)
)
