/** Random interleavings of calls, crashes and clocks over two processes: what is spent and held never exceeds a limit. */
import { expect, test } from "bun:test"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { Spend } from "../../../layers/ledger/Spend.ts"
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

const part = fc.integer({ min: 0, max: 1000 })
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("begin" as const),
      at: fc.nat(1),
      by: fc.nat(1),
      cents: fc.integer({ min: 0, max: 120 })
    })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("succeed" as const), which: fc.nat(), part }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), which: fc.nat(), part }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), which: fc.nat(), part }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("clock" as const), minutes: fc.integer({ min: -90, max: 90 }) })
  }
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

interface Running {
  readonly id: string
  readonly estimate: bigint
  readonly end: Deferred.Deferred<{
    readonly cost: bigint
    readonly uncertain: boolean
    readonly fails: boolean
  }>
  readonly fiber: Fiber.Fiber<void, unknown>
}

interface Sum {
  readonly source: string
  readonly principal: string
  readonly hour: bigint
  readonly amount: bigint
}

const hourLength = 3_600_000

const play = Effect.fnUntraced(function* (storage: StorageSettings, steps: ReadonlyArray<Step>) {
  let now = Date.UTC(2026, 10, 26, 10, 30)
  yield* TestClock.setTime(now)
  const processes = [yield* startProcess(storage, settings), yield* startProcess(storage, settings)] as const
  const [first] = processes
  const running: Array<Running> = []
  /** Calls of which nothing more is heard. */
  const lost: Array<Running> = []
  /** The amount that the provider billed: with its usage, and for calls of a killed process. */
  const billed = { known: 0n, lost: 0n }

  const state = Effect.gen(function* () {
    const spent = yield* query<Sum>("SELECT * FROM usage_spent")
    const held = yield* query<Sum>(
      "SELECT source, principal, hour, CAST(SUM(amount) AS BIGINT) AS amount FROM usage_holds GROUP BY source, principal, hour"
    )
    const sum = (rows: ReadonlyArray<Sum>, has: (row: Sum) => boolean) =>
      rows.filter(has).reduce((total, { amount }) => total + BigInt(amount), 0n)
    const all = (has: (hour: number) => boolean) =>
      sum(spent, (row) => row.source === "" && row.hour >= 0 && has(Number(row.hour))) +
      sum(held, (row) => has(Number(row.hour)))
    const own = (subject: string, has: (hour: number) => boolean) =>
      sum(spent, (row) => row.principal === subject && row.hour >= 0 && has(Number(row.hour))) +
      sum(held, (row) => row.principal === subject && has(Number(row.hour)))
    const [ledger] = yield* query<{ amount: bigint | null }>(
      "SELECT CAST(SUM(cost) AS BIGINT) AS amount FROM usage_calls"
    )
    return {
      all,
      own,
      hours: [...new Set([...spent, ...held].map((row) => Number(row.hour)))].filter((hour) => hour >= 0),
      ledger: BigInt(ledger?.amount ?? 0),
      total: sum(spent, (row) => row.source === "" && BigInt(row.hour) === -1n)
    }
  })

  const check = Effect.gen(function* () {
    const { all, hours, ledger, own, total } = yield* first.run(state)
    expect(all(() => true) <= limits.total).toBe(true)
    for (const hour of hours) {
      const isSameDay = (other: number) => Math.floor(other / 24) === Math.floor(hour / 24)
      expect(all((other) => other === hour) <= limits.hourly).toBe(true)
      expect(all(isSameDay) <= limits.daily).toBe(true)
      for (const { subject } of people) expect(own(subject, isSameDay) <= limits.principal).toBe(true)
    }
    expect(ledger).toBe(total)
    expect(ledger >= billed.known + billed.lost).toBe(true)
  })

  const begin = Effect.fnUntraced(function* ({ at, by, cents }: Extract<Step, { do: "begin" }>) {
    const estimate = (BigInt(cents) * usd) / 100n
    const person = people[by]
    const entered = yield* Deferred.make<void>()
    const end = yield* Deferred.make<{ cost: bigint; uncertain: boolean; fails: boolean }>()
    const before = yield* first.run(state)
    const self = Effect.gen(function* () {
      yield* Deferred.succeed(entered, undefined)
      const { cost, fails, uncertain } = yield* Deferred.await(end)
      const { add } = yield* Spend
      if (cost > 0n) yield* add({ usd: usdOfUnits(cost), ...(uncertain && { uncertain }) })
      if (fails) return yield* Effect.fail("failed")
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
    const fiber = yield* Effect.forkChild(processes[at === 0 ? 0 : 1].run(call))
    const refused = yield* Effect.raceFirst(
      Effect.as(Deferred.await(entered), undefined),
      Effect.map(Fiber.await(fiber), (exit) => exit)
    )
    if (refused === undefined) {
      const [newest] = yield* first.run(query<{ id: string }>("SELECT MAX(call_id) AS id FROM usage_holds"))
      running.push({ id: newest?.id ?? "", estimate, end, fiber })
      return
    }
    expect(Exit.isFailure(refused)).toBe(true)
    const hour = Math.floor(now / hourLength)
    const day = hour - (hour % 24)
    const fits =
      before.all(() => true) + estimate <= limits.total &&
      before.all((other) => other >= hour) + estimate <= limits.hourly &&
      before.all((other) => other >= day) + estimate <= limits.daily &&
      before.own(person?.subject ?? "", (other) => other >= day) + estimate <= limits.principal
    expect(fits).toBe(false)
  })

  const take = (which: number) =>
    running.length === 0 ? undefined : running.splice(which % running.length, 1)[0]

  for (const each of steps) {
    if (each.do === "begin") yield* begin(each)
    else if (each.do === "clock") yield* TestClock.setTime((now += each.minutes * 60_000))
    else {
      const call = take(each.which)
      if (call === undefined) continue
      const cost = "part" in each ? (call.estimate * BigInt(each.part)) / 1000n : 0n
      if (each.do === "crash") {
        // Its process does not renew the lease again, and the amount that the provider billed stays unknown.
        billed.lost += cost
        lost.push(call)
        yield* first.run(query(`UPDATE usage_holds SET lease_until = -1 WHERE call_id = '${call.id}'`))
        yield* first.run(
          Effect.flatMap(Usage, ({ ledger }) => Effect.flatMap(ledger, ({ expireLeases }) => expireLeases))
        )
      } else {
        billed.known += cost
        yield* Deferred.succeed(call.end, {
          cost,
          uncertain: each.do === "cut",
          fails: each.do !== "succeed"
        })
        yield* Fiber.await(call.fiber)
      }
    }
    yield* check
  }
  yield* Fiber.interruptAll([...running, ...lost].map(({ fiber }) => fiber))
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
        numRuns: (database === sqlite ? 25 : 4) * (isLong ? 20 : 1)
      }),
    isLong ? 1_200_000 : 120_000
  )
})
