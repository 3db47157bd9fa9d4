/** A budget that is exceeded while a tool runs ends the call with OverBudget. */
import { expect } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Ids } from "../../../layers/platform/Ids.ts"
import { ProgressEvents } from "../../../layers/progress/ProgressEvents.ts"
import { Calls, type Outcome } from "../../../layers/ledger/Calls.ts"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import * as toolkitEntries from "../../../src/catalog/toolkitEntries.ts"
import { ToolPolicy } from "../../../src/domain/Policy.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { fixedBudget, usd } from "../../support/budget.ts"
import { callServices } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import { guard } from "../../support/guard.ts"

const Think = Tool.make("think", {
  success: Schema.String,
  failure: Schema.Unknown,
  dependencies: [Spend]
}).annotate(ToolPolicy, { estimate: () => usd("0.4") })
const toolkit = Toolkit.make(Think)
const thinking = {
  toolkit,
  layer: toolkit.toLayer({
    think: () =>
      Effect.gen(function* () {
        const spend = yield* Spend
        yield* spend.add({ usd: usd("0.3") })
        yield* spend.extend(usd("1"))
        return "thought"
      })
  })
}

it.effect("a call that exceeds its budget ends with OverBudget and its charges are settled", () => {
  const { asked, layer } = fixedBudget("1", 86_400_000)
  return Effect.gen(function* () {
    const outcomes: Array<Outcome> = []
    yield* (yield* Calls).observe({ finished: (_, outcome) => outcomes.push(outcome) })
    const catalog = yield* Catalog
    const error = yield* Effect.flip(Effect.provide(catalog.call(stdioUser, "think", {}), callServices))
    expect(error).toMatchObject({ _tag: "OverBudget", limit: "daily", resetsAt: 86_400_000 })
    expect(asked).toEqual(["hold 0.4", "extend 1", "settle 0.3"])
    expect(outcomes).toMatchObject([{ status: "refused", errorClass: "OverBudget", limit: "daily" }])
  }).pipe(
    Effect.provide(
      toolkitEntries
        .layer(thinking)
        .pipe(
          Layer.provideMerge(Catalog.layer),
          Layer.provideMerge(ProgressEvents.layer.pipe(Layer.provide(Ids.layer))),
          Layer.provideMerge(guard({}, layer))
        )
    )
  )
})
