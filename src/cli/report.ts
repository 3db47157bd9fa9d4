/** Tells a person on standard error why a command failed. */
import { Cause, Console, Effect, Runtime } from "effect"

/** The message of an error that was foreseen, and everything about one that was not. */
export const report = <E>(cause: Cause.Cause<E>) =>
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
        : Console.error(`manifold: ${error.message}`)
    },
    { discard: true }
  )
