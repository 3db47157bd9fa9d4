/** Writes a command's `Console.log` lines in order; the command fails if they cannot be written. */
import { Console, Effect, Exit, Schema } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"

/** A reader that closes the pipe early, such as `head`, is not an error. */
const readerGone = "EPIPE"

class OutputFailed extends Schema.TaggedError<OutputFailed>()("OutputFailed", { code: Schema.String }) {
  override get message() {
    const why = this.code === "ENOSPC" ? "disk full" : this.code
    return `Cannot write to standard output: ${why}`
  }
}

const codeOf = ({ reason: { _tag, cause } }: PlatformError): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : _tag

/** Runs the command. Its own error takes precedence over an output error. */
export const consoleOutput = <A, E, R>(command: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { stdout } = yield* OutputStreams
    const usual = yield* Console.Console
    const run = Effect.runPromiseExitWith(yield* Effect.context<never>())
    let writing = Promise.resolve<Exit.Exit<void, PlatformError>>(Exit.void)
    const log = (...parts: ReadonlyArray<unknown>) => {
      const text = `${parts.map(String).join(" ")}\n`
      writing = writing.then((before) => (Exit.isFailure(before) ? before : run(stdout.write(text))))
    }
    const result = yield* Effect.exit(Effect.provideService(command, Console.Console, { ...usual, log }))
    const output = yield* Effect.promise(() => writing)
    if (Exit.isSuccess(result)) {
      const written = Effect.mapError(output, (error) => new OutputFailed({ code: codeOf(error) }))
      yield* Effect.catchIf(
        written,
        ({ code }) => code === readerGone,
        () => Effect.void
      )
    }
    return yield* result
  })
