/** The program as layers: the catalog with the built-in entries, and MCP servers over it. */
import { Layer } from "effect"
import * as Telemetry from "../../layers/telemetry/Telemetry.ts"
import { Upstreams } from "../upstreams/Upstreams.ts"
import { configured, grounded } from "./baseLayers.ts"
import * as builtIns from "./builtIns.ts"
import { core, servers } from "./core.ts"

/** The catalog with the built-in entries and those of upstream servers; requires `grounded`. */
export const contents = Upstreams.layer.pipe(Layer.provideMerge(builtIns.layer), Layer.provideMerge(core))

/** The catalog for commands. */
export const catalog = contents.pipe(Layer.provideMerge(grounded))

/** The catalog for servers, with export to an OpenTelemetry collector. */
export const serving = Telemetry.layer.pipe(Layer.provideMerge(contents))

/** MCP servers over that catalog. */
export const mcp = servers.pipe(Layer.provideMerge(serving), Layer.provideMerge(configured))
