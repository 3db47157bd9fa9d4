/** Usage and budgets of the program. The first call that spends something loads the ledger and opens the database. */
import { type BigDecimal, Context, Effect, Layer, Scope, Semaphore } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Budget } from "../guard/Budget.ts"
import type { Call, Outcome } from "../ledger/Calls.ts"
import { Journal } from "../ledger/Journal.ts"
import { Ids } from "../platform/Ids.ts"
import { Sql } from "../storage/Sql.ts"
import { Metrics } from "../telemetry/Metrics.ts"
import type { LedgerOperations } from "./ledgerOperations.ts"
import { queueFull } from "./queueFull.ts"

/** Calls with a row in the ledger: those of models that ran, and others that spent something. */
const isRecorded = ({ kind }: Call, { spent, status }: Outcome): boolean =>
  spent !== undefined || (kind === "model" && status !== "refused" && status !== "suspended")

export class Usage extends Context.Service<
  Usage,
  {
    /** The ledger's operations; the first use loads them. */
    readonly ledger: Effect.Effect<LedgerOperations>
    /** Whether the queue of rows is full, and this call is likely to add one. */
    readonly isFull: (call: Call) => boolean
    /** Calls `listener` after each change of what was spent or is held by this process, while the scope is open. */
    readonly onChange: (listener: () => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/usage/Usage") {
  static readonly layer = Layer.effect(
    Usage,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const services = yield* Effect.context<ConfigSource | Ids | Metrics | Sql>()
      const loading = yield* Semaphore.make(1)
      const listeners = new Set<() => void>()
      const changed = () => {
        for (const listener of listeners) listener()
      }
      let loaded: LedgerOperations | undefined
      const load = Effect.flatMap(
        Effect.promise(() => import("./ledgerOperations.ts")),
        ({ makeLedger }) => makeLedger(changed)
      ).pipe(Effect.provideContext(services), Scope.provide(scope))
      const ledger = Effect.suspend(() =>
        loaded === undefined
          ? loading.withPermit(
              Effect.suspend(() =>
                loaded === undefined
                  ? Effect.tap(load, (made) => Effect.sync(() => (loaded = made)))
                  : Effect.succeed(loaded)
              )
            )
          : Effect.succeed(loaded)
      )
      return Usage.of({
        ledger,
        isFull: (call) => loaded?.isFull(call) ?? false,
        onChange: (listener) =>
          Effect.acquireRelease(
            Effect.sync(() => listeners.add(listener)),
            () => Effect.sync(() => listeners.delete(listener))
          ).pipe(Effect.asVoid)
      })
    })
  )

  /** The budget of the section `usage`. */
  static readonly budget = Layer.effect(
    Budget,
    Effect.map(Usage, ({ ledger }) =>
      Budget.of({
        hold: (call, usd) =>
          Effect.flatMap(ledger, (operations) =>
            Effect.as(operations.hold(call, usd), {
              extend: (more: BigDecimal.BigDecimal) => operations.extend(call, more),
              settle: (spent) => operations.settle(call, spent)
            })
          ),
        charge: (call, spent) => Effect.flatMap(ledger, (operations) => operations.settle(call, spent)),
        chargeLate: (call, charge) =>
          Effect.flatMap(ledger, (operations) => operations.settleLate(call, charge))
      })
    )
  )

  /** Writes the outcome of each call to the ledger before the response is sent. */
  static readonly journal = Layer.effectDiscard(
    Effect.gen(function* () {
      const { isFull, ledger } = yield* Usage
      const journal = yield* Journal
      yield* journal.add({
        precedes: isFull,
        before: () => Effect.fail(queueFull),
        records: isRecorded,
        after: (call, outcome, duration) =>
          Effect.flatMap(ledger, (operations) => operations.end(call, outcome, duration))
      })
    })
  )
}
