/** Queue of audit rows: writes them in groups off the path of calls, and retries while the database cannot be written. */
import { Clock, Duration, Effect, Latch, Schedule, type Scope, Semaphore } from "effect"
import type { DatabaseError } from "../storage/DatabaseError.ts"
import { type AuditEntry, program } from "./AuditEntry.ts"
import type { UnlinkedRow } from "./chain.ts"
import { contentOf } from "./contentOf.ts"

/** Rows of one transaction. */
const mostAtOnce = 500

/** Rows are collected for this long, so that a transaction has many. */
const pause = Duration.millis(100)

const pauses = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("15 seconds")])

/** Time limit for the remaining rows at shutdown. */
const lastAttempt = Duration.seconds(3)

export interface AuditQueue {
  /** Adds the entry; beyond `max` rows it is counted only, and the log says later how many are missing. */
  readonly add: (entry: AuditEntry, max: number) => void
  readonly size: () => number
  /** Writes all queued rows now. */
  readonly flush: Effect.Effect<void, DatabaseError>
}

/** Runs until the scope closes, then writes the remaining rows. */
export const makeAuditQueue = Effect.fnUntraced(function* (
  append: (entries: ReadonlyArray<UnlinkedRow>) => Effect.Effect<void, DatabaseError>,
  /** Keeps rows that cannot be written before the process ends. */
  save: (rows: ReadonlyArray<UnlinkedRow>) => Effect.Effect<void>
): Effect.fn.Return<AuditQueue, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const wanted = yield* Latch.make()
  let waiting: Array<UnlinkedRow> = []
  let lost = 0
  let unavailable = false

  const written = (rows: ReadonlyArray<UnlinkedRow>) => {
    waiting = waiting.slice(rows.length)
  }

  /** A row that the database rejects must not block the others. */
  const appendOne = (entry: UnlinkedRow) =>
    append([entry]).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "failed",
        ({ message }) =>
          Effect.annotateLogs(Effect.logError(`A row of the audit log cannot be written: ${message}`), {
            action: entry.action,
            target: entry.target,
            subject: entry.subject
          })
      ),
      Effect.tap(Effect.sync(() => written([entry])))
    )

  const group = Effect.suspend(() => {
    const rows = waiting.slice(0, mostAtOnce)
    return append(rows).pipe(
      Effect.tap(Effect.sync(() => written(rows))),
      Effect.catchIf(
        ({ reason }) => reason === "failed",
        () => Effect.forEach(rows, appendOne, { discard: true })
      )
    )
  })

  /** The rows that found no room are missing from the log, so a row says how many. */
  const reportLost = Effect.suspend(() => {
    if (lost === 0) return Effect.void
    const rows = lost
    lost = 0
    const entry = { actor: program, action: "audit.lost", outcome: "failed", details: { rows } } as const
    waiting.push(contentOf(entry, clock.currentTimeMillisUnsafe()))
    return Effect.annotateLogs(Effect.logError("rows of the audit log found no room in memory"), { rows })
  })

  const writing = yield* Semaphore.make(1)
  /** Groups are written one after the other, in the order of their entries. */
  const flush = writing.withPermit(
    Effect.gen(function* () {
      while (waiting.length > 0) yield* group
      if (lost === 0) return
      yield* reportLost
      yield* group
    })
  )

  const failed = ({ message }: DatabaseError) => {
    if (unavailable) return Effect.void
    unavailable = true
    return Effect.logError(`Rows of the audit log are kept in memory until they can be written: ${message}`)
  }

  const back = Effect.suspend(() => {
    if (!unavailable) return Effect.void
    unavailable = false
    return Effect.logInfo("The audit log is written again")
  })

  const work = Effect.gen(function* () {
    yield* wanted.await
    wanted.closeUnsafe()
    yield* Effect.sleep(pause)
    yield* Effect.retry(Effect.tapError(flush, failed), pauses)
    yield* back
  })
  // A defect ends one attempt, not the worker.
  const attempt = Effect.catchDefect(work, (defect) =>
    Effect.logError("The queue of the audit log failed", defect)
  )
  yield* Effect.forkScoped(Effect.forever(attempt))

  yield* Effect.addFinalizer(() =>
    flush.pipe(
      Effect.interruptible,
      Effect.timeoutOrElse({ duration: lastAttempt, orElse: () => Effect.void }),
      Effect.catch(failed),
      Effect.andThen(Effect.suspend(() => (waiting.length === 0 ? Effect.void : save(waiting))))
    )
  )

  return {
    add: (entry, max) => {
      if (waiting.length >= max) {
        lost++
        return
      }
      waiting.push(contentOf(entry, clock.currentTimeMillisUnsafe()))
      wanted.openUnsafe()
    },
    size: () => waiting.length,
    flush
  }
})
