/** The program as layers: what every command stands on, and what only those need that serve MCP. */
import { Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Health } from "../../layers/health/Health.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { Logging } from "../../layers/logging/Logging.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { program } from "../domain/version.ts"
import { RequestState } from "../mcp/RequestState.ts"
import * as Servers from "../mcp/Servers.ts"
import * as resources from "../resources/index.ts"
import * as tools from "../tools/index.ts"

/** Platform, configuration, log. */
export const foundation = Logging.layer.pipe(
  Layer.provideMerge(ConfigSource.layer),
  Layer.provideMerge(Layer.mergeAll(Platform.layer, Environment.layer, Ids.layer))
)

/** The catalog with everything in it. */
export const catalog = Layer.mergeAll(tools.layer, resources.layer).pipe(
  Layer.provideMerge(Catalog.layer),
  Layer.provideMerge(Layer.mergeAll(Guard.layer, Health.layer(program.version)))
)

/** MCP servers over that catalog, and who may ask them. */
export const mcp = Servers.layer.pipe(
  Layer.provideMerge(catalog),
  Layer.provideMerge(RequestState.layer),
  Layer.provideMerge(Layer.mergeAll(Storage.layer, Authenticator.layer))
)
