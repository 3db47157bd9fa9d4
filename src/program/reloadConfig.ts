/** Hot reload of the configuration, and notices about sections that have no effect yet. */
import { Layer } from "effect"
import * as Reload from "../../layers/config/Reload.ts"
import { Signals } from "../../layers/platform/Signals.ts"
import * as later from "./upcomingSections.ts"

export const hotReload = Layer.mergeAll(
  Layer.effectDiscard(later.announce),
  Reload.layer.pipe(Layer.provide(Signals.layer))
)
