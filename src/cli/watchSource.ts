/** `manifold serve --http --reload`: runs the service in a child process that restarts when its source changes. */
import { Effect, Runtime, Schema } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { Machine } from "../../layers/platform/Machine.ts"
import { UsageError } from "./UsageError.ts"

/** The child process exited with an error, which it printed. */
export class ServiceEnded extends Schema.TaggedError<ServiceEnded>()("ServiceEnded", { code: Schema.Int }) {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false
}

/** Runs `manifold` with these arguments until it exits; interruption stops the child process. */
export const watchSource = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const { compiled, launch } = yield* Machine
  if (compiled) {
    return yield* new UsageError({
      detail:
        "--reload watches source files, which a compiled binary does not have. Omit it, or run bun src/main.ts"
    })
  }
  const child = yield* ChildProcess.make(
    launch.command,
    ["--watch", "--no-clear-screen", ...launch.args, ...args],
    {
      extendEnv: true,
      // In our process group, so that a terminal's Ctrl-C reaches it too.
      detached: false,
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit"
    }
  )
  const code = yield* child.exitCode
  if (code !== 0) return yield* new ServiceEnded({ code })
}, Effect.scoped)
