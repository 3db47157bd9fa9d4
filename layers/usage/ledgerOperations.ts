/** Operations of the ledger: holds money before a call, settles it afterwards, and records every model call. Loaded at first use. */
import { type BigDecimal, Clock, Duration, Effect, Latch } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConfigSource } from "../config/ConfigSource.ts"
import type { Call, Outcome } from "../ledger/Calls.ts"
import { JournalUnavailable } from "../ledger/Journal.ts"
import { type Charge, nothing, OverBudget, type Spent } from "../ledger/Spend.ts"
import { ClockJumps } from "../platform/ClockJumps.ts"
import { Ids } from "../platform/Ids.ts"
import { DatabaseError } from "../storage/DatabaseError.ts"
import { Sql } from "../storage/Sql.ts"
import { CallEntries, CallEntry } from "./callEntry.ts"
import { hourOf, identityOf } from "./callRow.ts"
import { expire, expireAll } from "./callStatements.ts"
import { countHolds, hold, renew, usedSince } from "./holdStatements.ts"
import { isCounted, type Limit, limitsOf } from "./limits.ts"
import { unitsOf, unitsOfNumber } from "./money.ts"
import { makeOutbox } from "./Outbox.ts"
import { section, type UsageSettings } from "./section.ts"
import { Spenders } from "./Spenders.ts"
import { queueFull } from "./queueFull.ts"
import { makeUsageMetrics } from "./usageMetrics.ts"

/** Maximum time that a call waits for its hold. */
const holdWithin = Duration.seconds(4)

const tryAgainAfter = 5000

const unrecorded = (detail: string) => new JournalUnavailable({ retryAfter: tryAgainAfter, detail })

/** Interval at which metrics of limits are updated. */
const watchEvery = Duration.seconds(1)

const nobody = { source: "", principal: "" }

const unpricedAdvice =
  "its price is unknown, so nothing can be held for it: set its price in the section prices, or set usage.unpriced to allow"

/** Calls `written` after each change of spent or held amounts. */
export const makeLedger = Effect.fnUntraced(function* (written: () => void) {
  const config = yield* ConfigSource
  const sql = yield* Sql
  const ids = yield* Ids
  const instance = yield* ids.next
  const clock = yield* Clock.Clock
  const entries = new CallEntries()
  const metrics = yield* makeUsageMetrics
  const changed = yield* Latch.make()
  const notify = () => {
    changed.openUnsafe()
    written()
  }
  const outbox = yield* makeOutbox(sql, notify)
  /** Calls that hold money. */
  const open = new Set<CallEntry>()
  const holding = yield* Latch.make()
  const spenders = new Spenders()

  let current: UsageSettings | undefined
  // The sections were checked at the start.
  yield* Effect.orDie(
    config.follow(section, (now) =>
      Effect.sync(() => {
        current = now
      })
    )
  )
  const settings = Effect.suspend(() =>
    current === undefined ? Effect.orDie(config.read(section)) : Effect.succeed(current)
  )

  const leaseFrom = (now: number, { lease }: UsageSettings) => now + Duration.toMillis(lease)

  const entryOf = (call: Call): CallEntry => {
    const known = entries.find(call)
    if (known !== undefined) return known
    const identity = identityOf(call, clock.currentTimeMillisUnsafe())
    const entry = new CallEntry(ids.nextUnsafe(), identity, entries.requestOf(call))
    entries.add(call, entry)
    return entry
  }

  const submit = (entry: CallEntry) => outbox.submit({ id: entry.id, row: () => entry.row })

  /** Adds to the hold in the database. While the database is unreachable, only calls with limits fail. */
  const holdMore = (entry: CallEntry, more: bigint, limits: ReadonlyArray<Limit>, now: UsageSettings) => {
    const at = clock.currentTimeMillisUnsafe()
    const hour = hourOf(at)
    const request = {
      id: entry.id,
      identity: entry.identity,
      instance,
      hour,
      more,
      unpriced: entry.unpriced,
      leaseUntil: leaseFrom(at, now),
      limits
    }
    // Made only if it is needed: an error takes longer than the rest of this function.
    const late = () =>
      new DatabaseError({
        reason: "unreachable",
        database: sql.place.name,
        message: `the database ${sql.place.name} did not answer within ${Duration.format(holdWithin)}`
      })
    // Without limits the hold is a single statement.
    const held =
      limits.length === 0
        ? sql.read((client) => hold(client, request))
        : sql.write((client) => hold(client, request))
    return held.pipe(
      Effect.interruptible,
      Effect.timeoutOrElse({ duration: holdWithin, orElse: () => Effect.fail(late()) }),
      Effect.tap(
        Effect.sync(() => {
          entry.isHeld = true
          open.add(entry)
          holding.openUnsafe()
          notify()
        })
      ),
      Effect.catchTag("DatabaseError", (error) => {
        // The hold may have been written despite the error.
        if (limits.length === 0) return Effect.logWarning(`A call runs without a hold: ${error.message}`)
        const undo = !entry.isHeld ? outbox.submit({ id: entry.id }) : Effect.void
        return Effect.logError(`A call is rejected because it cannot be recorded: ${error.message}`).pipe(
          Effect.andThen(Effect.forkDetach(undo)),
          Effect.andThen(Effect.fail(unrecorded(error.forCallers)))
        )
      })
    )
  }

  /** Checks the limits that need no database, adds the amount to the request's sum, and holds it. */
  const take = (
    call: Call,
    usd: BigDecimal.BigDecimal | undefined,
    now: UsageSettings
  ): Effect.Effect<void, JournalUnavailable | OverBudget> => {
    const { name } = call
    const entry = entryOf(call)
    const limits = limitsOf(now, call.principal)
    const perRequest = now.cost_per_request_max
    if (outbox.isFull()) return queueFull
    if (usd === undefined) {
      const isLimited = limits.length > 0 || perRequest !== undefined
      if ((now.unpriced ?? (isLimited ? "refuse" : "allow")) === "refuse") {
        return new OverBudget({ name, limit: "unpriced", advice: unpricedAdvice })
      }
      entry.unpriced = true
    }
    const more = usd === undefined ? 0n : unitsOf(usd)
    const request = entries.requestOf(call)
    if (perRequest !== undefined && request.used + more > unitsOfNumber(perRequest)) {
      return new OverBudget({ name, limit: "request" })
    }
    // Counted before the database query, so that two calls of one request cannot both take the remaining amount.
    const counted = entry.counted
    entry.count(counted + more)
    return Effect.onError(holdMore(entry, more, more === 0n ? [] : limits, now), () =>
      Effect.sync(() => entry.count(entry.counted - more))
    )
  }

  /** The entry of a call that ends. A call that began before `usage.enabled` was switched off has one. */
  const endingEntryOf = Effect.fnUntraced(function* (call: Call) {
    const known = entries.find(call)
    return known === undefined && isCounted(yield* settings, call.principal) ? entryOf(call) : known
  })

  const spend = (call: Call, entry: CallEntry, spent: Spent) => {
    open.delete(entry)
    if (spent !== nothing && !entry.isHeld) spenders.add(call)
    entry.spend(spent)
    metrics.spent(spent)
  }

  const jumps = new ClockJumps(clock)
  /** Unless the clock was set: then other processes have not renewed their leases yet. */
  const expireAt = (client: SqlClient, at: number, { lease }: UsageSettings) =>
    jumps.within(Duration.toMillis(lease)) ? Effect.void : expireAll(client, at)

  const watchLeases = Effect.gen(function* () {
    yield* holding.await
    const now = yield* settings
    yield* Effect.sleep(Duration.divideUnsafe(now.lease, 3))
    const at = yield* Clock.currentTimeMillis
    const running = Array.from(open, ({ id }) => id)
    const left = yield* sql.write((client) =>
      renew(client, running, leaseFrom(at, now)).pipe(
        Effect.andThen(expireAt(client, at, now)),
        Effect.andThen(countHolds(client))
      )
    )
    // Holds of other processes, and holds without a call, may still expire.
    if (open.size === 0 && left === 0) holding.closeUnsafe()
  })
  const expireLeases = Effect.flatMap(Clock.currentTimeMillis, (at) =>
    sql.write((client) => expire(client, at))
  )
  const first = Effect.flatMap(Effect.all([Clock.currentTimeMillis, settings]), ([at, now]) =>
    sql.write((client) => expireAt(client, at, now))
  ).pipe(Effect.catch(({ message }) => Effect.logWarning(`Expired leases were not settled: ${message}`)))
  const next = watchLeases.pipe(
    Effect.catch(({ message }) => Effect.logWarning(`Leases were not renewed: ${message}`))
  )
  yield* Effect.forkScoped(Effect.andThen(first, Effect.forever(next)))

  /** Remaining amounts of limits, for metrics: other processes spend as well. */
  const watchLimits = Effect.gen(function* () {
    yield* changed.await
    changed.closeUnsafe()
    const limits = limitsOf(yield* settings, { subject: "" }).filter(({ isOwn }) => !isOwn)
    const hour = hourOf(yield* Clock.currentTimeMillis)
    if (limits.length > 0) {
      const used = yield* sql.read((client) => usedSince(client, hour, nobody))
      yield* metrics.seen(limits, used, hour)
    }
    yield* Effect.sleep(watchEvery)
  })
  yield* Effect.forkScoped(Effect.forever(Effect.ignore(watchLimits)))

  return {
    hold: (call: Call, usd: BigDecimal.BigDecimal | undefined) =>
      Effect.flatMap(settings, (now) =>
        isCounted(now, call.principal) ? take(call, usd, now) : Effect.void
      ),
    /** Holds more for a call that already holds money. */
    extend: Effect.fnUntraced(function* (call: Call, usd: BigDecimal.BigDecimal) {
      const now = yield* settings
      if (!isCounted(now, call.principal)) return
      yield* Effect.catchTag(take(call, usd, now), "JournalUnavailable", ({ message }) =>
        Effect.fail(new OverBudget({ name: call.name, limit: "unrecorded", advice: message }))
      )
    }),
    /** Charges of a call at its end. */
    settle: Effect.fnUntraced(function* (call: Call, spent: Spent) {
      const entry = yield* endingEntryOf(call)
      if (entry === undefined) return
      spend(call, entry, spent)
      // The outcome of a call that spent something is recorded next, and that transaction also writes the charges.
      if (spent === nothing) yield* submit(entry)
    }),
    /** A charge after the call's end. No outcome follows. */
    settleLate: Effect.fnUntraced(function* (call: Call, charge: Charge) {
      const entry = yield* endingEntryOf(call)
      if (entry === undefined) return
      spend(call, entry, charge)
      yield* submit(entry)
    }),
    /** The outcome of a call. */
    end: Effect.fnUntraced(function* (call: Call, outcome: Outcome, duration: number) {
      const entry = yield* endingEntryOf(call)
      if (entry === undefined) return
      entry.end(outcome, duration)
      yield* submit(entry)
    }),
    /** Settles the holds of processes that ended. */
    expireLeases,
    /** Whether the queue of rows is full, and this call is likely to add one. */
    isFull: (call: Call) => outbox.isFull() && spenders.has(call),
    outbox
  }
})

export type LedgerOperations = Effect.Success<ReturnType<typeof makeLedger>>
