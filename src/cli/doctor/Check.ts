/** What a check of `manifold doctor` is, and how it is run: to its end, within a time, whatever it finds. */
import { Cause, Effect } from "effect"

export interface Finding {
  readonly status: "ok" | "warn" | "fail"
  /** What was found, and for what is not well, what to do about it. One line. */
  readonly message: string
}

export const ok = (message: string): Finding => ({ status: "ok", message })
export const warn = (message: string): Finding => ({ status: "warn", message })
export const fail = (message: string): Finding => ({ status: "fail", message })

export interface Check<out R = never> {
  readonly name: string
  readonly run: Effect.Effect<ReadonlyArray<Finding>, unknown, R>
}

/** Longer than anything takes on a machine that is well. */
const patience = "10 seconds"

/** What a foreseen error says, as one line. */
export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ").trim()

/** Runs a check; what it fails with is a finding, and so is that it takes too long. */
export const examine = <R>({ name, run }: Check<R>) =>
  run.pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.succeed([fail(`gave no answer within ${patience}`)])
    }),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.succeed([fail(messageOf(Cause.squash(cause)))])
    ),
    Effect.map((findings) => findings.map((finding) => ({ check: name, ...finding })))
  )
