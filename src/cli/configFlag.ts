/** Global flag `--config <file>`: configuration file; overrides `MCP_CONFIG_JSON` and `MCP_CONFIG_PATH`. */
import { Effect, Layer, Option } from "effect"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { ConfigFile } from "../../layers/config/ConfigDocument.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"

export const configFlag = GlobalFlag.Setting("config")({
  flag: Flag.String("config").pipe(
    Flag.withMetavar("file"),
    Flag.withDescription("Configuration file to use instead of the user's"),
    Flag.optional
  )
})

/** The configuration from the file of the flag. */
export const layer = Layer.unwrap(
  Effect.map(configFlag, (file) =>
    Layer.fresh(ConfigSource.layer).pipe(
      Layer.provideMerge(Layer.succeed(ConfigFile, Option.getOrUndefined(file)))
    )
  )
)
