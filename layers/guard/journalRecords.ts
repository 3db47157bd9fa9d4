/** Journal records and budget settlement of a call: awaited, bounded in time; failures are logged. */
import { Cause, Clock, Context, Duration, Effect, Exit } from "effect"
import type { Call, Outcome } from "../ledger/Calls.ts"
import { JournalUnavailable, type Writer } from "../ledger/Journal.ts"

/** Time limit of one record. */
const timeLimit = Duration.seconds(5)

const unavailable = new JournalUnavailable({ retryAfter: 1000 })

const failed = (message: string, { name, requestId }: Call, ...cause: ReadonlyArray<Cause.Cause<unknown>>) =>
  Effect.annotateLogs(Effect.logError(message, ...cause), { request_id: requestId, name })

/**
 * Runs `self` in a fiber that the caller cannot interrupt, and waits for it at most 5 seconds. `what` is the subject of the
 * log line about a failure.
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
        resume(failed(`${what} took longer than ${Duration.format(timeLimit)} and was interrupted`, call))
        fiber.interruptUnsafe()
      })
      fiber.addObserver((exit) => {
        timer.interruptUnsafe()
        resume(conclude(exit))
      })
    })
  )

const recordBefore = (writer: Writer, call: Call): Effect.Effect<void, JournalUnavailable> =>
  Effect.timeoutOrElse(
    Effect.suspend(() => writer.before?.(call) ?? Effect.void),
    { duration: timeLimit, orElse: () => Effect.fail(unavailable) }
  ).pipe(
    Effect.catchDefect((defect) =>
      Effect.andThen(
        failed("The journal failed before a call", call, Cause.die(defect)),
        Effect.fail(unavailable)
      )
    )
  )

/** Those writers, or undefined if there are none: most calls have none, and must not pay for it. */
const writersWhere = (writers: ReadonlySet<Writer>, wanted: (writer: Writer) => boolean) => {
  let found: Array<Writer> | undefined
  for (const writer of writers) if (wanted(writer)) (found ??= []).push(writer)
  return found
}

/** Writes the record before the call; undefined if there is none. Fails if a writer does, so that no call runs without its record. */
export const journalBefore = (
  writers: ReadonlySet<Writer>,
  call: Call
): Effect.Effect<void, JournalUnavailable> | undefined => {
  const recording = writersWhere(
    writers,
    ({ before, precedes }) => before !== undefined && (precedes === undefined || precedes(call))
  )
  if (recording === undefined) return undefined
  return Effect.forEach(recording, (writer) => recordBefore(writer, call), { discard: true })
}

/** Writes the record after the call; undefined if there is none. */
export const journalAfter = (
  writers: ReadonlySet<Writer>,
  call: Call,
  outcome: Outcome,
  duration: number
): Effect.Effect<void> | undefined => {
  const recording = writersWhere(
    writers,
    ({ after, records }) => after !== undefined && (records === undefined || records(call, outcome))
  )
  if (recording === undefined) return undefined
  return Effect.forEach(
    recording,
    (writer) =>
      awaitRecord(
        "The journal's record of a call",
        call,
        Effect.suspend(() => writer.after?.(call, outcome, duration) ?? Effect.void)
      ),
    { discard: true }
  )
}
