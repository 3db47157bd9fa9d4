/** `manifold serve --http --reload`: the service in a process of its own, started again when its source changes. */
import { Effect, Runtime, Schema } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { Machine } from "../../layers/platform/Machine.ts"
import { UsageError } from "./UsageError.ts"

/** The service ended by itself, and has said why. */
export class ServiceEnded extends Schema.TaggedError<ServiceEnded>()("ServiceEnded", { code: Schema.Int }) {
  override readonly [Runtime.errorExitCode] = this.code
  override readonly [Runtime.errorReported] = false
}

/** Runs `manifold` with these words until it ends or this is interrupted, which ends it. */
export const watchSource = Effect.fnUntraced(function* (words: ReadonlyArray<string>) {
  const { compiled, launch } = yield* Machine
  if (compiled) {
    return yield* new UsageError({
      detail: "--reload follows the source, and a binary has none: leave it out, or run bun src/main.ts"
    })
  }
  const child = yield* ChildProcess.make(
    launch.command,
    ["--watch", "--no-clear-screen", ...launch.args, ...words],
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
