/** The flag `--json` of the commands of `manifold upstream`. */
import * as Flag from "effect/cli/Flag"

export const jsonFlag = Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))
