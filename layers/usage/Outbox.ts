/** Queue of ledger rows: writes them in groups, and retries while the database is unreachable. */
import { Deferred, Duration, Effect, Latch, Result, Schedule, type Scope, Semaphore } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type DatabaseError, databaseError } from "../storage/DatabaseError.ts"
import type { Sql } from "../storage/Sql.ts"
import type { CallRow } from "./callRow.ts"
import { record, settleInFull } from "./callStatements.ts"

/** A call whose row changed, or a hold to release. */
export interface Job {
  readonly id: string
  /** The call's row at the time of writing; absent: only its hold is released. */
  readonly row?: () => CallRow
}

/** Maximum number of queued jobs. While the queue is full, calls that would add a job are rejected. */
const most = 10_000
/** Jobs of one transaction. */
const mostAtOnce = 100

const pauses = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("15 seconds")])

/** Maximum time that a call waits until its row is written; the row stays queued. */
const writeWithin = Duration.seconds(3)

/** Time limit for the remaining jobs at shutdown. */
const lastAttempt = Duration.seconds(3)

export interface Outbox {
  /**
   * Queues the job, and returns after the first attempt to write it. A job that is written later writes the row as it is
   * then.
   */
  readonly submit: (job: Job) => Effect.Effect<void>
  readonly isFull: () => boolean
}

interface Waiting {
  readonly job: Job
  readonly tried: Deferred.Deferred<void>
}

/** Runs until the scope closes, then writes the remaining jobs. Calls `onWritten` after each group. */
export const makeOutbox = Effect.fnUntraced(function* (
  { place, write }: Sql["Service"],
  onWritten: () => void
): Effect.fn.Return<Outbox, never, Scope.Scope> {
  /** By the call's id: the last queued change of a call contains the earlier ones. */
  const waiting = new Map<string, Waiting>()
  const wanted = yield* Latch.make()
  const writing = yield* Semaphore.make(1)
  let unreachable = false
  let closed = false

  /** A defect, such as a row that cannot be encoded, is handled like a row that the database rejects. */
  const written = (use: (sql: SqlClient) => Effect.Effect<void, SqlError>) =>
    write(use).pipe(
      Effect.catchDefect((defect) => Effect.fail(databaseError(place, "failed", String(defect))))
    )

  const apply = (jobs: ReadonlyArray<Job>) =>
    written((sql) =>
      record(
        sql,
        jobs.flatMap(({ row }) => (row === undefined ? [] : [row()])),
        jobs.flatMap(({ id, row }) => (row === undefined ? [id] : []))
      )
    )

  const isRefused = ({ reason }: DatabaseError) => reason === "failed"

  const notReleased = ({ message }: DatabaseError) =>
    Effect.logWarning(`A hold cannot be released and remains until its lease ends: ${message}`)

  /** A row that is rejected must not block the others. It is logged, and its hold counts as spent. */
  const applyOne = (job: Job) =>
    apply([job]).pipe(
      Effect.catchIf(isRefused, (error) => {
        const { row } = job
        if (row === undefined) return notReleased(error)
        const shown = Result.try(() => JSON.stringify({ ...row(), cost: String(row().cost) }))
        return Effect.logError(`A row of the ledger cannot be written: ${error.message}`).pipe(
          Effect.annotateLogs({ call_id: job.id, row: Result.getOrElse(shown, () => "") }),
          Effect.andThen(
            Effect.catchIf(
              written((sql) => settleInFull(sql, job.id)),
              isRefused,
              notReleased
            )
          )
        )
      })
    )

  const applyAll = (jobs: ReadonlyArray<Job>) =>
    apply(jobs).pipe(Effect.catchIf(isRefused, () => Effect.forEach(jobs, applyOne, { discard: true })))

  const group = Effect.suspend(() => {
    const taken = [...waiting.values()].slice(0, mostAtOnce)
    return applyAll(taken.map(({ job }) => job)).pipe(
      Effect.tap(
        Effect.sync(() => {
          for (const each of taken) {
            // A row that changed during the write is written again.
            if (waiting.get(each.job.id) === each) waiting.delete(each.job.id)
            Deferred.doneUnsafe(each.tried, Effect.void)
          }
          onWritten()
        })
      )
    )
  })

  const flush = writing.withPermit(
    Effect.repeat(group, { while: () => waiting.size > 0 }).pipe(
      Effect.when(Effect.sync(() => waiting.size > 0))
    )
  )

  const failed = ({ message }: DatabaseError) => {
    for (const { tried } of waiting.values()) Deferred.doneUnsafe(tried, Effect.void)
    if (unreachable) return Effect.void
    unreachable = true
    return Effect.logError(`Usage is kept in memory until it can be written: ${message}`)
  }

  const back = Effect.suspend(() => {
    if (!unreachable) return Effect.void
    unreachable = false
    return Effect.logInfo(`Usage is written to ${place.name} again`)
  })

  const work = Effect.gen(function* () {
    yield* wanted.await
    wanted.closeUnsafe()
    yield* Effect.retry(Effect.tapError(flush, failed), pauses)
    yield* back
  })
  // A defect ends one attempt, not the worker; the next job starts another one.
  const attempt = Effect.catchDefect(work, (defect) => Effect.logError("The ledger's queue failed", defect))
  yield* Effect.forkScoped(Effect.forever(attempt))

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      closed = true
      return waiting.size === 0 ? Effect.void : flush
    }).pipe(
      Effect.interruptible,
      Effect.timeoutOrElse({ duration: lastAttempt, orElse: () => Effect.void }),
      Effect.catch(failed),
      Effect.andThen(
        Effect.suspend(() =>
          waiting.size === 0
            ? Effect.void
            : Effect.logError(
                `${waiting.size} rows of the ledger were not written; the amounts held for them count as spent`
              )
        )
      )
    )
  )

  return {
    isFull: () => waiting.size >= most,
    submit: (job) =>
      Effect.suspend(() => {
        const tried = Deferred.makeUnsafe<void>()
        const before = waiting.get(job.id)
        waiting.set(job.id, { job: before?.job.row === undefined ? job : { ...before.job, ...job }, tried })
        if (before !== undefined) Deferred.doneUnsafe(before.tried, Effect.void)
        // During shutdown no further attempt follows, so the call itself writes the rows.
        if (closed) return flush.pipe(Effect.catch(failed))
        wanted.openUnsafe()
        return unreachable
          ? Effect.void
          : Effect.timeoutOrElse(Deferred.await(tried), { duration: writeWithin, orElse: () => Effect.void })
      })
  }
})
