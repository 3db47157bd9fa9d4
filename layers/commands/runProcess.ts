/** Runs a command as a process group with limits, and ends the whole group with its scope. */
import { Duration, Effect, Fiber, Option, Redacted, Stream } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { describeFileError } from "../platform/describeFileError.ts"
import { OrphanGuard } from "../upstream/OrphanGuard.ts"
import { Capture } from "./Capture.ts"
import { commandError } from "./CommandError.ts"
import type { ParsedCommand } from "./parseCommand.ts"
import { confine, type Confinement, path } from "./sandbox.ts"

/** Time between SIGTERM and SIGKILL. */
const graceful = "300 millis"

/** Time for the output of a process that has ended; a descendant may hold it open. */
const drain = "200 millis"

/** A command that writes this many times its maximum is ended. */
const flood = 100

export interface CommandResult {
  /** Null if the command was ended. */
  readonly exit_code: number | null
  readonly ended: "exited" | "timeout" | "output" | "signal"
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  readonly sandboxed: boolean
  readonly duration_ms: number
}

const shortestSecret = 4

/** Masks the values of the command's own variables. */
const masked = (text: string, env: Readonly<Record<string, Redacted.Redacted>>): string => {
  let shown = text
  for (const value of Object.values(env)) {
    const secret = Redacted.value(value)
    if (secret.length >= shortestSecret) shown = shown.replaceAll(secret, "<redacted>")
  }
  return shown
}

export const runProcess = Effect.fnUntraced(function* (
  { argv, settings }: ParsedCommand,
  confinement: Confinement
) {
  const { env, max_output_bytes: most, timeout } = settings
  const seconds = Math.ceil(Duration.toSeconds(timeout)) + 1
  const confined = confine(argv, settings, confinement, seconds)
  const [program, ...args] = confined.argv
  const guarded = yield* (yield* OrphanGuard).prepare
  const child = yield* ChildProcess.make(program, args, {
    env: {
      PATH: path,
      LANG: "C.UTF-8",
      HOME: confined.sandboxed ? "/tmp" : "/",
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Redacted.value(value)]))
    },
    extendEnv: false,
    shell: false,
    stdin: "ignore",
    // A sandbox has its own working folder.
    cwd: confined.sandboxed ? "/" : (settings.cwd ?? "/"),
    forceKillAfter: graceful
  }).pipe(
    Effect.mapError(({ reason }) =>
      commandError(
        "unavailable",
        `The command cannot be started: ${describeFileError(reason)}. Correct commands.named.`
      )
    )
  )
  yield* guarded.add(child.pid)
  const output = new Capture(most)
  const errors = new Capture(most)
  const collect = (stream: typeof child.stdout, into: Capture) =>
    Stream.runForEach(stream, (chunk) =>
      Effect.suspend(() => {
        into.push(chunk)
        return into.received > most * flood ? Effect.fail("output" as const) : Effect.void
      })
    ).pipe(
      Effect.catchIf(
        (error) => error !== "output",
        () => Effect.void
      )
    )
  const collecting = yield* Effect.forkScoped(
    Effect.all([collect(child.stdout, output), collect(child.stderr, errors)], {
      concurrency: 2,
      discard: true
    })
  )
  const flooded = Effect.matchEffect(Fiber.join(collecting), {
    onFailure: (reason) => Effect.succeed({ ended: reason, code: null } as const),
    onSuccess: () => Effect.never
  })
  const exited = child.exitCode.pipe(
    Effect.map((code) => ({ ended: "exited", code: Number(code) }) as const),
    // Ended by a signal.
    Effect.orElseSucceed(() => ({ ended: "signal", code: null }) as const)
  )
  const [took, end] = yield* Effect.raceFirst(exited, flooded).pipe(
    Effect.timeoutOption(timeout),
    Effect.timed
  )
  const { code, ended } = Option.getOrElse(end, () => ({ ended: "timeout", code: null }) as const)
  if (ended === "exited" || ended === "signal") {
    yield* Effect.ignore(Effect.timeoutOption(Fiber.join(collecting), drain))
  }
  return {
    exit_code: code,
    ended,
    stdout: masked(output.text, env),
    stderr: masked(errors.text, env),
    truncated: output.truncated || errors.truncated,
    sandboxed: confined.sandboxed,
    duration_ms: Math.round(Duration.toMillis(took))
  } satisfies CommandResult
}, Effect.scoped)
