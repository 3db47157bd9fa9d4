/** The fixtures of the suite as a server on standard input and output. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { mcp } from "../../src/program/program.ts"
import { serveStdio } from "../../src/program/stdioService.ts"
import * as fixtures from "./fixtures/index.ts"

const [, , dir = ""] = process.argv

serveStdio.pipe(
  Effect.provide(
    fixtures.layer.pipe(
      Layer.provideMerge(mcp),
      Layer.provideMerge(ConfigSource.layerFrom({ storage: { dir }, logging: { level: "error" } })),
      Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
    )
  ),
  Platform.runMain
)
