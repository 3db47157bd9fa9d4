/** The program as layers: the catalog with everything in it, and MCP servers over it. */
import { Layer } from "effect"
import * as Telemetry from "../../layers/telemetry/Telemetry.ts"
import { configured, grounded } from "./baseLayers.ts"
import * as builtIns from "./builtIns.ts"
import { core, servers } from "./core.ts"

/** The catalog with everything in it; stands on `grounded`. */
export const contents = builtIns.layer.pipe(Layer.provideMerge(core))

/** The catalog, for a command that uses it. */
export const catalog = contents.pipe(Layer.provideMerge(grounded))

/** The same for a server, which may report to a collector. */
export const serving = Telemetry.layer.pipe(Layer.provideMerge(contents))

/** MCP servers over that catalog. */
export const mcp = servers.pipe(Layer.provideMerge(serving), Layer.provideMerge(configured))
