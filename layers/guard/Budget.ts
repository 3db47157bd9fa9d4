/** Money that a call may cost: held before it begins, settled when it ended, released when it came to nothing. */
import { Context, Effect, Layer } from "effect"
import type { Call } from "../ledger/Calls.ts"
import type { OverBudget } from "./refusals.ts"

export class Budget extends Context.Service<
  Budget,
  {
    /**
     * Runs the call while `usd` are held for it. Fails with `OverBudget` before it begins. What the call did not spend
     * is free again when it ends, however it ends.
     */
    readonly hold: <A, E, R>(
      call: Call,
      usd: number,
      self: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | OverBudget, R>
  }
>()("manifold/guard/Budget") {
  /** Nobody counts money. */
  static readonly layerNone = Layer.succeed(Budget, Budget.of({ hold: (_call, _usd, self) => self }))
}
