/** Budget of calls: holds money before a call begins, and settles its charges when it ends. */
import { type BigDecimal, Context, Effect, Layer } from "effect"
import type { Call } from "../ledger/Calls.ts"
import type { JournalUnavailable } from "../ledger/Journal.ts"
import type { Charge, OverBudget, Spent } from "../ledger/Spend.ts"

/** Money that is reserved for one call. */
export interface Hold {
  /** Holds `usd` more. After `OverBudget` the hold is as it was. Runs uninterruptibly, so it should end soon. */
  readonly extend: (usd: BigDecimal.BigDecimal) => Effect.Effect<void, OverBudget>
  /**
   * Records the charges of the call, which may exceed the hold, and releases the rest. Guard calls it exactly once,
   * whichever way the call ended, uninterruptibly, and waits for it at most 5 seconds.
   */
  readonly settle: (spent: Spent) => Effect.Effect<void>
}

export class Budget extends Context.Service<
  Budget,
  {
    /**
     * Reserves `usd` for the call; undefined: the price of this call of a model is unknown. Fails with `JournalUnavailable`
     * if it cannot be recorded. Runs uninterruptibly, so it should end soon.
     */
    readonly hold: (
      call: Call,
      usd: BigDecimal.BigDecimal | undefined
    ) => Effect.Effect<Hold, OverBudget | JournalUnavailable>
    /** Records the charges of a call without a hold; otherwise like `settle`. */
    readonly charge: (call: Call, spent: Spent) => Effect.Effect<void>
    /** Records a charge that was reported after the call's end. The call's outcome does not contain it. */
    readonly chargeLate: (call: Call, charge: Charge) => Effect.Effect<void>
  }
>()("manifold/guard/Budget") {
  static readonly layerUnlimited = Layer.sync(Budget, () => {
    const hold: Hold = { extend: () => Effect.void, settle: () => Effect.void }
    return Budget.of({
      hold: () => Effect.succeed(hold),
      charge: () => Effect.void,
      chargeLate: () => Effect.void
    })
  })
}
