/** Random interleavings of calls, attempts, extensions, late charges, crashes and clocks over two processes: what is spent and held exceeds a limit only by what a provider bills beyond a hold. */
import { expect, test } from "bun:test"
import { Deferred, Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { Spend, type Spending } from "../../../layers/ledger/Spend.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { lockBudgets } from "../../../layers/usage/holdStatements.ts"
import { usdOfUnits } from "../../../layers/usage/money.ts"
import { Usage } from "../../../layers/usage/Usage.ts"
import { Principal } from "../../../src/domain/Principal.ts"
import { onEachDatabase, sqlite, type StorageSettings } from "../../support/databases.ts"
import { protect } from "../../support/guard.ts"
import { process as startProcess, query } from "../../support/usage.ts"

/** In units of 1e-12 USD, as everything here. */
const usd = 10n ** 12n
const limits = { hourly: 2n * usd, daily: 5n * usd, total: 12n * usd, principal: 3n * usd }
const settings = {
  cost_hourly_max: 2,
  cost_daily_max: 5,
  cost_total_max: 12,
  principal: { cost_daily_max: 3 }
}

/** A long run is for CI. */
const isLong = process.env["MANIFOLD_LONG_TESTS"] !== undefined

const people = ["ada", "grace"].map(
  (subject) =>
    new Principal({ subject, clientId: "cli", scopes: ["call"], ceiling: ["call"], source: "api-token" })
)

const which = fc.nat()
/** Of what is held, in thousandths: a provider may bill more. */
const part = fc.integer({ min: 0, max: 1500 })
const cents = fc.integer({ min: 0, max: 120 })
const one = <Do extends string>(name: Do) => fc.constant(name)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: one("begin"), at: fc.nat(1), by: fc.nat(1), cents }) },
  { weight: 4, arbitrary: fc.record({ do: one("charge"), which, part, uncertain: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: one("extend"), which, cents }) },
  // The first attempt is billed and fails, and the hold is extended for the next one.
  { weight: 2, arbitrary: fc.record({ do: one("retry"), which, part, uncertain: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: one("end"), which, fails: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: one("late"), which, cents }) },
  { weight: 1, arbitrary: fc.record({ do: one("crash"), which, part }) },
  { weight: 1, arbitrary: fc.record({ do: one("clock"), minutes: fc.integer({ min: -90, max: 90 }) }) }
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** A call with holds of two hours, of which only one has a lease that has ended. */
const clockSetBack: Array<Step> = [
  { do: "begin", at: 0, by: 0, cents: 0 },
  { do: "clock", minutes: -59 },
  { do: "begin", at: 1, by: 0, cents: 0 },
  { do: "extend", which: 0, cents: 1 },
  { do: "begin", at: 0, by: 0, cents: 0 },
  { do: "crash", which: 0, part: 1 }
]

interface Running {
  readonly id: string
  readonly subject: string
  /** What it holds, and what its provider billed. */
  held: bigint
  spent: bigint
  readonly spend: Spending
  /** Completed with whether it fails. */
  readonly end: Deferred.Deferred<boolean>
  readonly fiber: Fiber.Fiber<void, unknown>
}

const most = (a: bigint, b: bigint) => (a > b ? a : b)
const least = (a: bigint, b: bigint) => (a < b ? a : b)

interface Sum {
  readonly source: string
  readonly principal: string
  readonly hour: bigint
  readonly amount: bigint
}

const hourLength = 3_600_000

const realTime = (millis: number) => Effect.promise(() => Bun.sleep(millis))

/** A statement that meets a lock waits on the clock before it is repeated: time passes for steps that take longer than a second. */
const timePasses = Effect.andThen(
  realTime(1000),
  Effect.forever(Effect.andThen(realTime(20), TestClock.adjust("20 millis")))
)

const play = Effect.fnUntraced(function* (storage: StorageSettings, steps: ReadonlyArray<Step>) {
  let now = Date.UTC(2026, 10, 26, 10, 30)
  yield* TestClock.setTime(now)
  const processes = [yield* startProcess(storage, settings), yield* startProcess(storage, settings)] as const
  const [first] = processes
  const running: Array<Running> = []
  const ended: Array<Running> = []
  /** Calls of processes that ended. */
  const lost: Array<Running> = []
  /** What the ledger must have at least, and what providers billed beyond the holds. */
  const billed = { settled: 0n, beyond: 0n }

  const read = Effect.flatMap(Sql, ({ write }) =>
    write((sql) =>
      // Another process may settle expired holds between two statements.
      Effect.andThen(
        lockBudgets(sql),
        Effect.all({
          spent: sql.unsafe<Sum>("SELECT * FROM usage_spent"),
          held: sql.unsafe<Sum>(
            "SELECT source, principal, hour, CAST(SUM(amount) AS BIGINT) AS amount FROM usage_holds GROUP BY source, principal, hour"
          ),
          ledger: sql.unsafe<Pick<Sum, "amount">>(
            "SELECT CAST(COALESCE(SUM(cost), 0) AS BIGINT) AS amount FROM usage_calls"
          )
        })
      )
    )
  )

  const state = Effect.gen(function* () {
    const { held, ledger, spent } = yield* read
    const sum = <Row extends Pick<Sum, "amount">>(rows: ReadonlyArray<Row>, has: (row: Row) => boolean) =>
      rows.filter(has).reduce((total, { amount }) => total + BigInt(amount), 0n)
    const all = (has: (hour: number) => boolean) =>
      sum(spent, (row) => row.source === "" && row.hour >= 0 && has(Number(row.hour))) +
      sum(held, (row) => has(Number(row.hour)))
    const own = (subject: string, has: (hour: number) => boolean) =>
      sum(spent, (row) => row.principal === subject && row.hour >= 0 && has(Number(row.hour))) +
      sum(held, (row) => row.principal === subject && has(Number(row.hour)))
    return {
      all,
      own,
      hours: [...new Set([...spent, ...held].map((row) => Number(row.hour)))].filter((hour) => hour >= 0),
      held: sum(held, () => true),
      ledger: sum(ledger, () => true),
      total: sum(spent, (row) => row.source === "" && BigInt(row.hour) === -1n)
    }
  })

  const check = Effect.gen(function* () {
    const { all, hours, ledger, own, total } = yield* first.run(state)
    const { beyond } = billed
    expect(all(() => true) <= limits.total + beyond).toBe(true)
    for (const hour of hours) {
      const isSameDay = (other: number) => Math.floor(other / 24) === Math.floor(hour / 24)
      expect(all((other) => other === hour) <= limits.hourly + beyond).toBe(true)
      expect(all(isSameDay) <= limits.daily + beyond).toBe(true)
      for (const { subject } of people)
        expect(own(subject, isSameDay) <= limits.principal + beyond).toBe(true)
    }
    expect(ledger).toBe(total)
    expect(ledger >= billed.settled).toBe(true)
  })

  /** Whether every limit has that much left. */
  const fits = (before: Effect.Success<typeof state>, subject: string, more: bigint) => {
    const hour = Math.floor(now / hourLength)
    const day = hour - (hour % 24)
    return (
      before.all(() => true) + more <= limits.total &&
      before.all((other) => other >= hour) + more <= limits.hourly &&
      before.all((other) => other >= day) + more <= limits.daily &&
      before.own(subject, (other) => other >= day) + more <= limits.principal
    )
  }

  const begin = Effect.fnUntraced(function* (wanted: Extract<Step, { do: "begin" }>) {
    const estimate = (BigInt(wanted.cents) * usd) / 100n
    const person = people[wanted.by]
    const subject = person?.subject ?? ""
    const entered = yield* Deferred.make<Spending>()
    const end = yield* Deferred.make<boolean>()
    const before = yield* first.run(state)
    const self = Effect.gen(function* () {
      yield* Deferred.succeed(entered, yield* Spend)
      if (yield* Deferred.await(end)) return yield* Effect.fail("failed")
    })
    const call = protect(
      {
        kind: "model",
        name: "large",
        timeLimit: "3650 days",
        estimate: () => usdOfUnits(estimate),
        ...(person && { by: person })
      },
      self
    )
    const fiber = yield* Effect.forkChild(processes[wanted.at === 0 ? 0 : 1].run(call))
    const spend = yield* Effect.raceFirst(Deferred.await(entered), Effect.as(Fiber.await(fiber), undefined))
    if (spend === undefined) {
      expect(fits(before, subject, estimate)).toBe(false)
      return
    }
    const [newest] = yield* first.run(query<{ id: string }>("SELECT MAX(call_id) AS id FROM usage_holds"))
    running.push({ id: newest?.id ?? "", subject, held: estimate, spent: 0n, spend, end, fiber })
  })

  const charge = Effect.fnUntraced(function* (call: Running, cost: bigint, uncertain: boolean) {
    yield* call.spend.add({ usd: usdOfUnits(cost), uncertain })
    // What is estimated counts as at most what is left of the hold.
    const left = most(call.held - call.spent, 0n)
    const counted = uncertain && call.held > 0n ? least(cost, left) : cost
    billed.beyond += most(counted - left, 0n)
    call.spent += counted
    return counted
  })

  const extend = Effect.fnUntraced(function* (call: Running, more: bigint) {
    const before = yield* first.run(state)
    const extended = yield* Effect.result(call.spend.extend(usdOfUnits(more)))
    if (Result.isSuccess(extended)) call.held += more
    else expect(fits(before, call.subject, more)).toBe(false)
    return Result.isSuccess(extended)
  })

  const end = Effect.fnUntraced(function* (call: Running, fails: boolean) {
    yield* Deferred.succeed(call.end, fails)
    yield* Fiber.await(call.fiber)
    billed.settled += call.spent
    ended.push(call)
  })

  const crash = Effect.fnUntraced(function* (call: Running, cost: bigint) {
    // Its process does not renew the lease again. What it was billed beyond its hold stays unknown.
    billed.settled += least(call.held, call.spent + cost)
    lost.push(call)
    yield* first.run(query(`UPDATE usage_holds SET lease_until = -1 WHERE call_id = '${call.id}'`))
    yield* first.run(
      Effect.flatMap(Usage, ({ ledger }) => Effect.flatMap(ledger, ({ expireLeases }) => expireLeases))
    )
  })

  const advance = Effect.fnUntraced(function* (each: Step) {
    if (each.do === "begin") return yield* begin(each)
    if (each.do === "clock") return yield* TestClock.setTime((now += each.minutes * 60_000))
    if (each.do === "late") {
      const call = ended[each.which % ended.length]
      const cost = (BigInt(each.cents) * usd) / 100n
      if (call === undefined) return
      billed.beyond += cost
      billed.settled += cost
      return yield* call.spend.add({ usd: usdOfUnits(cost) })
    }
    const call = running[each.which % running.length]
    if (call === undefined) return
    const cost = "part" in each ? (call.held * BigInt(each.part)) / 1000n : 0n
    switch (each.do) {
      case "charge":
        yield* charge(call, cost, each.uncertain)
        return
      case "extend":
        yield* extend(call, (BigInt(each.cents) * usd) / 100n)
        return
      case "retry":
        if (yield* extend(call, yield* charge(call, cost, each.uncertain))) return
        running.splice(running.indexOf(call), 1)
        return yield* end(call, true)
      case "end":
      case "crash":
        running.splice(running.indexOf(call), 1)
        return each.do === "end" ? yield* end(call, each.fails) : yield* crash(call, cost)
    }
  })

  const perform = (each: Step) =>
    Effect.gen(function* () {
      const passing = yield* Effect.forkChild(timePasses)
      yield* advance(each)
      yield* check
      yield* Fiber.interrupt(passing)
    })
  yield* Effect.forEach(steps, perform, { discard: true }).pipe(
    Effect.ensuring(Effect.suspend(() => Fiber.interruptAll([...running, ...lost].map(({ fiber }) => fiber))))
  )
  const last = yield* first.run(state)
  expect({ held: last.held, ledger: last.ledger }).toEqual({ held: 0n, ledger: last.total })
})

onEachDatabase("any interleaving of calls", (database) => {
  const once = (steps: ReadonlyArray<Step>) =>
    Effect.runPromise(
      Effect.scoped(Effect.flatMap(database, (storage) => play(storage, steps))).pipe(
        Effect.provide(TestClock.layer())
      )
    )
  test(
    "keeps what is spent and held within every limit, and refuses nothing that fits",
    () =>
      fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), once), {
        examples: [[clockSetBack]],
        numRuns: (database === sqlite ? 25 : 4) * (isLong ? 20 : 1)
      }),
    isLong ? 1_200_000 : 120_000
  )
})
