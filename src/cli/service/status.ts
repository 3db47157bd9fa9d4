/** `manifold service status`: whether the service is installed and runs. Exit code 0 if it runs, 3 if not, 4 if it is not installed. */
import { Console, Effect, Runtime, Schema } from "effect"
import * as Command from "effect/cli/Command"
import type { DaemonStatus } from "../../../layers/daemon/manageDaemon.ts"
import { findDaemon } from "../../../layers/daemon/findDaemon.ts"
import * as manage from "../../../layers/daemon/manageDaemon.ts"
import { type Color, colorize } from "../terminalColors.ts"
import { jsonFlag } from "../upstream/jsonFlag.ts"
import { userFlag } from "./userFlag.ts"

/** The service does not run; the state was printed. The exit codes are those of `systemctl status`. */
class NotActive extends Schema.TaggedError<NotActive>()("NotActive", { installed: Schema.Boolean }) {
  override readonly [Runtime.errorExitCode] = this.installed ? 3 : 4
  override readonly [Runtime.errorReported] = false
}

const colors: Readonly<Record<DaemonStatus["state"], Color>> = {
  active: "green",
  inactive: "yellow",
  failed: "red",
  unknown: "yellow"
}

export const status = Command.make(
  "status",
  { user: userFlag, json: jsonFlag },
  Effect.fnUntraced(function* ({ json, user }) {
    const daemon = yield* findDaemon({ config: undefined, user })
    const { installed, state } = yield* manage.status(daemon)
    const { file, log, manager } = daemon
    if (json) yield* Console.log(JSON.stringify({ manager, file, installed, state, log }))
    else {
      const style = yield* colorize
      yield* Console.log(`state  ${style(colors[state], state)}`)
      yield* Console.log(`file   ${file}${installed ? "" : " (does not exist)"}`)
      yield* Console.log(`log    ${log}`)
    }
    if (state !== "active") return yield* new NotActive({ installed })
  })
).pipe(Command.withDescription("Show whether the service is installed and runs"))
