/** The program as layers: what every command stands on, and what only those need that serve MCP. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Health } from "../../layers/health/Health.ts"
import { Calls } from "../../layers/ledger/Calls.ts"
import * as CallLog from "../../layers/logging/CallLog.ts"
import * as Logging from "../../layers/logging/Logging.ts"
import { Outbound } from "../../layers/outbound/Outbound.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import * as ProgressLog from "../../layers/progress/ProgressLog.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Templates } from "../../layers/templates/Templates.ts"
import { Web } from "../../layers/web/Web.ts"
import { origin } from "../catalog/Caller.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { program } from "../domain/version.ts"
import { RequestState } from "../mcp/RequestState.ts"
import * as Servers from "../mcp/Servers.ts"
import * as http from "../http/sections.ts"
import * as prompts from "../prompts/layer.ts"
import * as resources from "../resources/index.ts"
import * as tools from "../tools/index.ts"
import { sections } from "./sections.ts"

/** What the command line itself needs; reads nothing yet. */
export const foundation = ConfigSource.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(Platform.layer, Environment.layer, Ids.layer))
)

const checked = Layer.effectDiscard(Effect.flatMap(ConfigSource, (config) => config.check(sections)))

/** A configuration without a fault, and a log in which a line knows its call. */
const grounded = Layer.mergeAll(Logging.layer, Calls.layer).pipe(
  Layer.provide(Layer.succeed(Logging.Origin, origin)),
  Layer.provideMerge(checked)
)

/** The same for a server, whose log also tells each call's life. */
export const configured = CallLog.layer.pipe(Layer.provideMerge(grounded))

const pageSize = Effect.map(
  Effect.flatMap(ConfigSource, (config) => config.read(http.mcp)),
  ({ page_size }) => page_size
)

/** The catalog with everything in it; stands on `grounded`. */
export const contents = Layer.mergeAll(tools.layer, prompts.layer, resources.layer).pipe(
  Layer.provideMerge(
    Layer.effect(
      Catalog,
      Effect.flatMap(pageSize, (size) => Catalog.make({ pageSize: size }))
    )
  ),
  Layer.provideMerge(
    Layer.mergeAll(
      Guard.layer,
      ProgressLog.layer.pipe(Layer.provideMerge(ProgressEvents.layer)),
      Health.layer(program.version),
      Templates.layer,
      Web.layer.pipe(Layer.provideMerge(Outbound.layer), Layer.provide(Dns.layer))
    )
  )
)

/** The catalog, for a command that uses it. */
export const catalog = contents.pipe(Layer.provideMerge(grounded))

/** MCP servers over that catalog. */
export const mcp = Servers.layer.pipe(
  Layer.provideMerge(RequestState.layer(Storage)),
  Layer.provideMerge(Storage.layer),
  Layer.provideMerge(contents),
  Layer.provideMerge(configured)
)
