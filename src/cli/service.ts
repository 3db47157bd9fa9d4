/** `manifold service install|status|run|remove`: runs the HTTP service under systemd, launchd or Task Scheduler. */
import * as Command from "effect/cli/Command"
import { install } from "./service/install.ts"
import { remove } from "./service/remove.ts"
import { run } from "./service/run.ts"
import { status } from "./service/status.ts"

export const service = Command.make("service").pipe(
  Command.withDescription("Run the HTTP service under the service manager of this system"),
  Command.withSubcommands([install, status, run, remove])
)
