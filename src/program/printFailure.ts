/** Prints the cause of a failed program on standard error. */
import { Cause, Console, Effect, Runtime } from "effect"

/** Prints the program's name and message of a typed error, or the whole cause of a defect. */
export const printFailure =
  (name: string) =>
  <E>(cause: Cause.Cause<E>) =>
    Effect.forEach(
      cause.reasons,
      (reason) => {
        if (Cause.isInterruptReason(reason)) return Effect.void
        if (Cause.isDieReason(reason)) return Console.error(Cause.pretty(Cause.die(reason.defect)))
        const { error } = reason
        if (!(error instanceof Error)) return Console.error(String(error))
        // The command printed these errors itself.
        return error[Runtime.errorReported] === false
          ? Effect.void
          : Console.error(`${name}: ${error.message}`)
      },
      { discard: true }
    )
