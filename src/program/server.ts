/** A custom server as a layer: its name and version, an empty catalog, and MCP servers over it. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as Telemetry from "../../layers/telemetry/Telemetry.ts"
import { Identity, type ServerIdentity } from "../domain/Identity.ts"
import { configured, machine } from "./baseLayers.ts"
import { core, servers } from "./core.ts"
import { hotReload } from "./reloadConfig.ts"

export interface ServerOptions extends ServerIdentity {
  /** Settings by section, as in docs/configuration.md: `{ logging: { level: "warn" } }`. Default: the defaults of every section. */
  readonly config?: Readonly<Record<string, unknown>> | undefined
  /** A YAML or JSON file instead of `config`; it must exist, and is reloaded when it changes. */
  readonly configFile?: string | undefined
}

const make = ({ config = {}, configFile, ...identity }: ServerOptions) =>
  servers.pipe(
    Layer.provideMerge(Telemetry.layer),
    Layer.provideMerge(core),
    Layer.provideMerge(configFile === undefined ? Layer.empty : hotReload),
    Layer.provideMerge(configured),
    Layer.provideMerge(
      configFile === undefined ? ConfigSource.layerValue(config) : ConfigSource.layerFile(configFile)
    ),
    Layer.provideMerge(machine),
    Layer.provideMerge(Layer.succeed(Identity, identity))
  )

/** The services that a server provides to its handlers and transports. */
export type ServerServices = Layer.Success<ReturnType<typeof make>>

/** A server without a transport; its own name, because its types are long. */
export interface ServerLayer extends Layer.Layer<ServerServices, Layer.Error<ReturnType<typeof make>>> {}

/**
 * Everything but entries and a transport. No configuration file is read unless `configFile` names one; environment
 * variables override settings. Fails with `ConfigInvalid`, which lists every problem of the configuration.
 */
export const server = (options: ServerOptions): ServerLayer => make(options)

/**
 * The built-in tools, prompts and resources (`math.add`, `web.fetch_url`, `content.create` and so on). Their code is
 * loaded when the layer is built.
 */
export const builtIns = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("./builtIns.ts")),
    ({ layer }) => layer
  )
)
