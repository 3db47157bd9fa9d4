/** An output folder for one test. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Output } from "../../layers/output/Output.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { stateFolder } from "./service.ts"

export const outputFolder = Layer.unwrap(
  Effect.map(stateFolder, (dir) =>
    Layer.fresh(Output.layer).pipe(
      Layer.provide(Quotas.layerOf()),
      Layer.provide(Layer.fresh(Storage.layer)),
      Layer.provide(ConfigSource.layerFrom({ storage: { dir } })),
      Layer.provide([Platform.layer, Ids.layer, Environment.layerTest({})])
    )
  )
)
