/** One of several processes on one budget: calls models until the budget is used up, and notes what its provider bills. */
import { appendFileSync } from "node:fs"
import { Effect, Random } from "effect"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { usdOfUnits } from "../../../layers/usage/money.ts"
import type { StorageSettings } from "../../support/databases.ts"
import { protect } from "../../support/guard.ts"
import { metered } from "../../support/usage.ts"

interface Task {
  readonly storage: StorageSettings
  readonly usage: Readonly<Record<string, unknown>>
  /** Where the provider's own list of what it billed is. */
  readonly journal: string
}

const { journal, storage, usage } = JSON.parse(process.env["TASK"] ?? "") as Task

const call = Effect.gen(function* () {
  const estimate = BigInt(yield* Random.nextIntBetween(1, 5000)) * 1_000_000n
  const cost = (estimate * BigInt(yield* Random.nextIntBetween(0, 1001))) / 1000n
  const self = Effect.gen(function* () {
    yield* Effect.yieldNow
    // From here on the provider wants its money, whatever becomes of this process.
    yield* Effect.sync(() => appendFileSync(journal, `${cost}\n`))
    yield* Effect.yieldNow
    yield* (yield* Spend).add({ usd: usdOfUnits(cost) })
  })
  yield* protect({ kind: "model", name: "large", estimate: () => usdOfUnits(estimate) }, self)
})

/** Until the budget refuses a call; a database that is busy for too long is asked again. */
const calls = call.pipe(
  Effect.catchTag("JournalUnavailable", () => Effect.void),
  Effect.forever,
  Effect.catchTag("OverBudget", () => Effect.void)
)

await Effect.runPromise(
  Effect.all([calls, calls, calls], { concurrency: "unbounded", discard: true }).pipe(
    Effect.provide(metered(storage, usage))
  )
)
