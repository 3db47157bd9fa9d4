/** Stored lists of upstream servers, as another process that uses the state folder sees them. */
import { Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Identity } from "../../src/domain/Identity.ts"
import { ListStore } from "../../src/upstreams/ListStore.ts"

export const storeIn = (dir: string) =>
  ListStore.layer.pipe(
    Layer.provide(Storage.layer),
    Layer.provide(ConfigSource.layerFrom({ storage: { dir } })),
    Layer.provide(Layer.succeed(Identity, { name: "test", version: "1" })),
    Layer.provide(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
  )
