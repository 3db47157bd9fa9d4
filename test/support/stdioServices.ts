/** Layers for connections to upstream servers whose processes a test starts. */
import { Layer } from "effect"
import * as childProcess from "../../layers/platform/childProcess.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { OrphanGuard } from "../../layers/upstream/OrphanGuard.ts"

export const stdioServices = Layer.mergeAll(
  Layer.provideMerge(OrphanGuard.layer, childProcess.layer),
  Environment.layerTest({})
).pipe(Layer.provide(Platform.layer))
