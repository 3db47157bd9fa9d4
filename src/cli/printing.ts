/** What a command prints with `Console.log`: written in order, and a command whose output could not be written fails. */
import { Console, Effect, Exit, Runtime, Schema } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"

/** 128 and the number of SIGPIPE, as shells have it for a program whose reader has closed the pipe. */
const brokenPipe = 141

/** Standard output could not be written. A reader that has closed the pipe, as `head` does, knows that and is told nothing. */
class OutputFailed extends Schema.TaggedError<OutputFailed>()("OutputFailed", { code: Schema.String }) {
  override get [Runtime.errorExitCode]() {
    return this.code === "EPIPE" ? brokenPipe : 1
  }
  override get [Runtime.errorReported]() {
    return this.code !== "EPIPE"
  }
  override get message() {
    const why = this.code === "ENOSPC" ? "no space left on the device" : this.code
    return `cannot write to standard output (${why})`
  }
}

const codeOf = ({ reason: { _tag, cause } }: PlatformError): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : _tag

/** Runs the command; its own error comes before that of its output. */
export const printing = <A, E, R>(command: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { stdout } = yield* OutputStreams
    const usual = yield* Console.Console
    const run = Effect.runPromiseExitWith(yield* Effect.context<never>())
    let written = Promise.resolve<Exit.Exit<void, PlatformError>>(Exit.void)
    const log = (...parts: ReadonlyArray<unknown>) => {
      const text = `${parts.map(String).join(" ")}\n`
      written = written.then((before) => (Exit.isFailure(before) ? before : run(stdout.write(text))))
    }
    const result = yield* Effect.exit(Effect.provideService(command, Console.Console, { ...usual, log }))
    const output = yield* Effect.promise(() => written)
    if (Exit.isSuccess(result) && Exit.isFailure(output)) {
      return yield* Effect.mapError(output, (error) => new OutputFailed({ code: codeOf(error) }))
    }
    return yield* result
  })
