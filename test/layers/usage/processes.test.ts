/** Three processes on one budget, killed at random: the limit holds at every moment, and the ledger has all that was billed. */
import { expect } from "bun:test"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Clock, Effect, Random, Schedule } from "effect"
import { expire } from "../../../layers/usage/callStatements.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { onEachDatabase, sqlOf, type StorageSettings } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { query } from "../../support/usage.ts"

/** A long run is for CI: `MANIFOLD_LONG_TESTS=1`. */
const kills = process.env["MANIFOLD_LONG_TESTS"] === undefined ? 3 : 10

/** What is spent between two kills. */
const limit = 50n * 10n ** 9n
const usage = { cost_total_max: 0.05 * kills }
/** Each look costs the processes time, which they need to be killed at different moments. */
const often = Schedule.spaced("20 millis")

const program = new URL("spendingProcess.ts", import.meta.url).pathname

const amounts = query<{ readonly spent: bigint; readonly held: bigint; readonly calls: bigint }>(`SELECT
  CAST(COALESCE((SELECT amount FROM usage_spent WHERE source = '' AND hour = -1), 0) AS BIGINT) AS spent,
  CAST(COALESCE((SELECT SUM(amount) FROM usage_holds), 0) AS BIGINT) AS held,
  CAST(COALESCE((SELECT SUM(cost) FROM usage_calls), 0) AS BIGINT) AS calls`)

const state = Effect.map(amounts, ([row]) => ({
  spent: BigInt(row?.spent ?? 0),
  held: BigInt(row?.held ?? 0),
  calls: BigInt(row?.calls ?? 0)
}))

const start = (storage: StorageSettings) =>
  Effect.sync(() =>
    Bun.spawn([process.execPath, program], {
      env: { TASK: JSON.stringify({ storage, usage, journal: join(storage.dir, "journal") }) },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit"
    })
  )

const billed = (storage: StorageSettings) =>
  Effect.map(
    Effect.promise(() => readFile(join(storage.dir, "journal"), "utf8")),
    (text) =>
      text
        .trim()
        .split("\n")
        .reduce((sum, line) => sum + BigInt(line), 0n)
  )

onEachDatabase("a budget of several processes", (database) => {
  it.live(
    "is never exceeded, also if processes are killed, and the ledger has at least what was billed",
    () =>
      Effect.gen(function* () {
        const storage = yield* database
        const most = limit * BigInt(kills)
        yield* Effect.gen(function* () {
          yield* state
          const children = yield* Effect.replicateEffect(start(storage), 3)
          yield* Effect.addFinalizer(() =>
            Effect.sync(() => children.forEach((child) => child.kill("SIGKILL")))
          )
          let checks = 0
          const holds = Effect.gen(function* () {
            const { calls, held, spent } = yield* state
            expect(spent + held <= most).toBe(true)
            expect(calls).toBe(spent)
            checks++
            return spent
          })
          for (let killed = 0; killed < kills; killed++) {
            // After a random amount was spent, whenever that is.
            const until = (most * BigInt(killed + 1)) / BigInt(kills + 2)
            yield* Effect.repeat(holds, { schedule: often, until: (spent) => spent >= until })
            const index = yield* Random.nextIntBetween(0, 3)
            const victim = children[index]
            victim?.kill("SIGKILL")
            yield* Effect.promise(() => victim?.exited ?? Promise.resolve(0))
            children[index] = yield* start(storage)
          }
          const done = Effect.promise(() => Promise.all(children.map((child) => child.exited)))
          yield* Effect.raceFirst(done, Effect.repeat(holds, often))
          yield* done
          expect(checks).toBeGreaterThan(kills)

          const { held } = yield* state
          const now = yield* Clock.currentTimeMillis
          const { write } = yield* Sql
          yield* write((sql) => expire(sql, now + 3_600_000))
          const after = yield* state
          const provider = yield* billed(storage)
          expect(after.held).toBe(0n)
          expect(after.calls).toBe(after.spent)
          expect(after.spent <= most).toBe(true)
          expect(after.spent >= provider).toBe(true)
          // What was only held is all that the ledger has beyond what was billed.
          expect(after.spent - provider <= held).toBe(true)
        }).pipe(Effect.scoped, Effect.provide(sqlOf(storage)))
      }),
    kills * 40_000
  )
})
