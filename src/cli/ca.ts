/** `manifold ca show|export|trust|untrust`: the local CA, and the trust stores of this machine. */
import * as Command from "effect/cli/Command"
import { exportRoot } from "./ca/export.ts"
import { show } from "./ca/show.ts"
import { trust, untrust } from "./ca/trust.ts"

export const ca = Command.make("ca").pipe(
  Command.withDescription("Show, export and trust the root certificate of the local CA"),
  Command.withSubcommands([show, exportRoot, trust, untrust])
)
