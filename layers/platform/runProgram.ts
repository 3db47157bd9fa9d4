/** Runs a program of the machine to its end, and returns its exit code and output. */
import { Effect, Stream } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { describeFileError } from "./describeFileError.ts"

/** Stopping a service waits until its running requests have finished. */
const commandLimit = "2 minutes"

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The program and its arguments. */
type Argv = readonly [string, ...ReadonlyArray<string>]

/** A program that cannot be started has the code 127, as in a shell; one that exceeds 2 minutes 124. */
export const run = ([program, ...args]: Argv) =>
  Effect.gen(function* () {
    const child = yield* ChildProcess.make(program, [...args], { extendEnv: true, stdin: "ignore" })
    const [stdout, stderr, code] = yield* Effect.all(
      [
        child.stdout.pipe(Stream.decodeText(), Stream.mkString),
        child.stderr.pipe(Stream.decodeText(), Stream.mkString),
        child.exitCode
      ],
      { concurrency: "unbounded" }
    )
    return { code: Number(code), stdout, stderr } satisfies Outcome
  }).pipe(
    Effect.scoped,
    Effect.catchTag("PlatformError", ({ reason }) =>
      Effect.succeed({ code: 127, stdout: "", stderr: describeFileError(reason) } satisfies Outcome)
    ),
    Effect.timeoutOrElse({
      duration: commandLimit,
      orElse: () =>
        Effect.succeed({
          code: 124,
          stdout: "",
          stderr: `no response within ${commandLimit}`
        } satisfies Outcome)
    })
  )

/** The first lines of the output of a program that failed. */
export const reasonOf = ({ code, stderr, stdout }: Outcome): string =>
  (stderr.trim() || stdout.trim() || `exit code ${code}`).split("\n").slice(0, 3).join(" ").replace(/\.$/, "")
