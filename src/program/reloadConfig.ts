/** What a server does about its configuration while it runs: it says what has no effect, and reads it again. */
import { Layer } from "effect"
import * as Reload from "../../layers/config/Reload.ts"
import { Signals } from "../../layers/platform/Signals.ts"
import * as later from "./upcomingSections.ts"

export const upkeep = Layer.mergeAll(
  Layer.effectDiscard(later.announce),
  Reload.layer.pipe(Layer.provide(Signals.layer))
)
