/** `manifold service run`: runs another command as the service of the system, on its state and with its secrets. */
import { Effect, Runtime, Schema } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as ChildProcess from "effect/process/ChildProcess"
import { findDaemon } from "../../../layers/daemon/findDaemon.ts"
import * as manage from "../../../layers/daemon/manageDaemon.ts"
import { configOf } from "../../../layers/daemon/systemdUnit.ts"
import { Machine } from "../../../layers/platform/Machine.ts"
import { UsageError } from "../UsageError.ts"
import { requireRoot } from "./userFlag.ts"

/** The command failed, and printed why. */
class CommandEnded extends Schema.TaggedError<CommandEnded>()("CommandEnded", { code: Schema.Int }) {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false
}

export const run = Command.make(
  "run",
  {
    args: Argument.String("command").pipe(
      Argument.withDescription("A command of manifold and its arguments, after --"),
      Argument.variadic({ min: 1 })
    )
  },
  Effect.fnUntraced(function* ({ args }) {
    const { launch } = yield* Machine
    const found = yield* findDaemon({ config: undefined, user: false })
    if (found.runAs === undefined) {
      return yield* new UsageError({ detail: "Here the service runs as a user: run the command itself" })
    }
    yield* requireRoot(false)
    const unit = yield* manage.installed(found)
    if (unit === undefined) {
      return yield* new UsageError({ detail: "The service is not installed: sudo manifold service install" })
    }
    const { runAs = found.runAs } = yield* findDaemon({ config: configOf(unit), user: false })
    const [program, ...rest] = runAs([launch.command, ...launch.args, ...args])
    const child = yield* ChildProcess.make(program, rest, {
      extendEnv: true,
      // In our process group, so that a terminal's Ctrl-C reaches it too.
      detached: false,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit"
    })
    const code = yield* child.exitCode
    if (code !== 0) return yield* new CommandEnded({ code })
  }, Effect.scoped)
).pipe(
  Command.withDescription("Run a command as the service of the system: with its user, state and secrets"),
  Command.withExamples([
    { command: "sudo manifold service run -- token create laptop", description: "A token for the service" }
  ])
)
