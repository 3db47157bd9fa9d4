/** Turns that this process runs, and the end of turns whose process has died: it has not renewed its lease. */
import { Clock, Duration, Effect, Predicate, Schedule } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { ClockJumps } from "../../platform/ClockJumps.ts"
import { Ids } from "../../platform/Ids.ts"
import { notFound } from "../storeErrors.ts"
import { Changes } from "./Changes.ts"
import type { ChatDatabase } from "./chatDatabase.ts"
import { findRows, isInterrupted, lockRow, type ConversationRow } from "./conversationRows.ts"
import { interrupt } from "./eventStatements.ts"
import { endLeases, removeOld, renewLease } from "./roomStatements.ts"

const usualLease = Duration.seconds(15)
const pruneInterval = Duration.hours(6)

export interface TurnSettings {
  /** How long a conversation is kept after its last event. */
  readonly retention: Duration.Duration
  /** How long a turn counts as running after its process has died, at most. Default: 15 s. */
  readonly lease?: Duration.Duration
}

export const makeLiveTurns = Effect.fnUntraced(function* (
  { read, write }: ChatDatabase,
  { lease = usualLease, retention }: TurnSettings
) {
  const me = yield* (yield* Ids).next
  const scope = yield* Effect.scope
  /** Request ids of the turns that this process runs, by conversation. */
  const turns = new Map<string, string>()
  /** Conversations whose turn ended without an event, because the database failed. */
  const abandoned = new Set<string>()
  let hasLease = false
  const jumps = new ClockJumps(yield* Clock.Clock)
  const leaseMillis = Duration.toMillis(lease)

  const isOwn = (row: ConversationRow): boolean =>
    row.owner === me && turns.get(row.id) === row.running_request

  /** Whether its turn must be ended: its process has died, or has given it up. */
  const isDead = (row: ConversationRow): boolean =>
    row.owner === me ? !isOwn(row) : isInterrupted(row) && !jumps.within(leaseMillis)

  const changes = new Changes(scope, (watched) =>
    read((db) =>
      findRows(
        db,
        watched.map(({ id }) => id)
      )
    ).pipe(
      Effect.map((rows) => {
        const found = new Map(rows.map((row) => [row.id, row]))
        return watched.flatMap(({ id, seq }) => {
          const row = found.get(id)
          return row === undefined || row.last_seq !== seq || isDead(row) ? [id] : []
        })
      }),
      Effect.orElseSucceed(() => [])
    )
  )

  /** The row, after a turn whose process has died was ended. */
  const settle = Effect.fnUntraced(function* (id: string) {
    const row = yield* write(
      Effect.fnUntraced(function* (db) {
        const locked = yield* lockRow(db, id)
        // Another process may have ended it, and begun the next.
        return locked !== undefined && isDead(locked) ? yield* interrupt(db, locked) : locked
      })
    )
    changes.wake(id)
    return row
  })

  const find = Effect.fnUntraced(function* (id: string) {
    const [row] = yield* read((db) => findRows(db, [id]))
    return row !== undefined && isDead(row) ? yield* settle(id) : row
  })

  const existing = (id: string) => Effect.filterOrFail(find(id), Predicate.isNotUndefined, () => notFound(id))

  /** While turns run, others must know that this process lives. */
  const keepAlive = Effect.gen(function* () {
    for (const id of abandoned) {
      yield* settle(id)
      abandoned.delete(id)
    }
    if (turns.size > 0) yield* write((db) => renewLease(db, me, lease))
  }).pipe(Effect.ignore, Effect.repeat(Schedule.spaced(Duration.divideUnsafe(lease, 3))))

  const prune = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const before = new Date(now - Duration.toMillis(retention)).toISOString()
    yield* write(endLeases)
    yield* Effect.repeat(
      write((db) => removeOld(db, before)),
      { while: (ids) => ids.length > 0 }
    )
  }).pipe(Effect.ignore, Effect.repeat(Schedule.spaced(pruneInterval)))

  /** At the first turn. */
  const startLease = Effect.suspend(() => {
    if (hasLease) return Effect.void
    hasLease = true
    return Effect.andThen(Effect.forkIn(keepAlive, scope), Effect.forkIn(prune, scope))
  })

  // The turns of this process are over for all others too.
  yield* Effect.addFinalizer(() =>
    hasLease ? Effect.ignore(write((db) => db`DELETE FROM chat_instances WHERE id = ${me}`)) : Effect.void
  )

  return {
    me,
    changes,
    isOwn,
    isDead,
    settle,
    find,
    existing,
    startLease,
    /** Says that the instance lives, in the transaction that begins a turn. */
    renew: (db: SqlClient) => renewLease(db, me, lease),
    began: (id: string, requestId: string) => turns.set(id, requestId),
    ended: (id: string) => turns.delete(id),
    /** Its end could not be stored. It is tried again. */
    giveUp: (id: string) => {
      if (turns.delete(id)) abandoned.add(id)
    }
  }
})
export type LiveTurns = Effect.Success<ReturnType<typeof makeLiveTurns>>
