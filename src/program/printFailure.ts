/** Prints on standard error why a program failed. */
import { Cause, Console, Effect, Runtime } from "effect"

/** The message of a typed error after the program's name; the whole cause of a defect. */
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
        // Errors of usage were shown with the help.
        return error[Runtime.errorReported] === false
          ? Effect.void
          : Console.error(`${name}: ${error.message}`)
      },
      { discard: true }
    )
