/** Type of a `manifold doctor` check, and its runner: a time limit, and failures as findings. */
import { Cause, Effect } from "effect"

export interface Finding {
  readonly status: "ok" | "warn" | "fail"
  /** What was found, and how to fix it. One line. */
  readonly message: string
}

export const ok = (message: string): Finding => ({ status: "ok", message })
export const warn = (message: string): Finding => ({ status: "warn", message })
export const fail = (message: string): Finding => ({ status: "fail", message })

export interface Check<out R = never> {
  readonly name: string
  readonly run: Effect.Effect<ReadonlyArray<Finding>, unknown, R>
}

/** Longer than any check takes on a healthy machine. */
const timeLimit = "10 seconds"

/** The message of an error on one line. */
export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ").trim()

/** Runs a check. A failure, a defect or a time-out becomes a finding. */
export const examine = <R>({ name, run }: Check<R>) =>
  run.pipe(
    Effect.timeoutOrElse({
      duration: timeLimit,
      orElse: () => Effect.succeed([fail(`did not finish within ${timeLimit}`)])
    }),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.succeed([fail(messageOf(Cause.squash(cause)))])
    ),
    Effect.map((findings) => findings.map((finding) => ({ check: name, ...finding })))
  )
