/** Awaited records of a call: bounded in time, and a record that fails is logged and fails nothing else. */
import { Cause, Clock, Context, Duration, Effect, Exit } from "effect"
import type { Call, Outcome } from "../ledger/Calls.ts"
import { JournalUnavailable, type Writer } from "../ledger/Journal.ts"

/** How long one record may take. */
const timeLimit = Duration.seconds(5)

const unavailable = new JournalUnavailable({ retryAfter: 1000 })

const failed = (message: string, { name, requestId }: Call, ...cause: ReadonlyArray<Cause.Cause<unknown>>) =>
  Effect.annotateLogs(Effect.logError(message, ...cause), { request_id: requestId, name })

/**
 * Runs the end of a call's bookkeeping in a fiber that the caller cannot interrupt, and waits for it at most 5 seconds.
 * `what` names it in the log.
 */
export const awaitRecord = (what: string, call: Call, self: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.callback<void>((resume) => {
      const fork = Effect.runForkWith(context)
      const conclude = (exit: Exit.Exit<void>) =>
        Exit.isSuccess(exit) ? Effect.void : failed(`${what} failed`, call, exit.cause)
      const fiber = fork(self)
      const done = fiber.pollUnsafe()
      if (done !== undefined) {
        resume(conclude(done))
        return
      }
      const timer = fork(Context.get(context, Clock.Clock).sleep(timeLimit))
      timer.addObserver((exit) => {
        if (Exit.isFailure(exit)) return
        resume(failed(`${what} took longer than ${Duration.format(timeLimit)} and was given up`, call))
        fiber.interruptUnsafe()
      })
      fiber.addObserver((exit) => {
        timer.interruptUnsafe()
        resume(conclude(exit))
      })
    })
  )

/** Whether the call may run, as far as the journal is concerned. */
export const journalBefore = (
  writers: ReadonlySet<Writer>,
  call: Call
): Effect.Effect<void, JournalUnavailable> =>
  Effect.forEach(
    writers,
    (writer) =>
      writer.before === undefined
        ? Effect.void
        : Effect.timeoutOrElse(
            Effect.suspend(() => writer.before?.(call) ?? Effect.void),
            {
              duration: timeLimit,
              orElse: () => Effect.fail(unavailable)
            }
          ).pipe(
            Effect.catchDefect((defect) =>
              Effect.andThen(
                failed("The journal failed before a call", call, Cause.die(defect)),
                Effect.fail(unavailable)
              )
            )
          ),
    { discard: true }
  )

export const journalAfter = (
  writers: ReadonlySet<Writer>,
  call: Call,
  outcome: Outcome,
  duration: number
): Effect.Effect<void> =>
  Effect.forEach(
    writers,
    (writer) =>
      writer.after === undefined
        ? Effect.void
        : awaitRecord(
            "The journal's record of a call",
            call,
            Effect.suspend(() => writer.after?.(call, outcome, duration) ?? Effect.void)
          ),
    { discard: true }
  )
