/** The hold of a model call covers every attempt: what a failed attempt was billed is held in addition. */
import { expect } from "bun:test"
import { Effect, Layer, Option } from "effect"
import { Guard } from "../../../layers/guard/Guard.ts"
import { Prices } from "../../../layers/ledger/Prices.ts"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { guardedCall } from "../../../layers/models/guardedCall.ts"
import { fromEnvironment } from "../../../layers/models/Provider.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { ProgressEvents } from "../../../layers/progress/ProgressEvents.ts"
import { Unavailable } from "../../../src/domain/Transient.ts"
import { fixedBudget, usd } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { guard } from "../../support/guard.ts"
import { given } from "../config/files.ts"

/** Two attempts, of which the first is billed and fails. */
const billedTwice = (left: string) =>
  Effect.gen(function* () {
    const budget = fixedBudget(left)
    const services = Layer.mergeAll(
      guard({ retry: { attempts: 2, first_delay: "1 millis" } }, budget.layer),
      ProgressEvents.layer,
      Layer.provide(Prices.layer, given({}))
    ).pipe(Layer.provideMerge(Ids.layer))
    const result = yield* Effect.gen(function* () {
      const spine = {
        guard: yield* Guard,
        progress: yield* ProgressEvents,
        prices: yield* Prices,
        ids: yield* Ids
      }
      const [provider = yield* Effect.die("no provider")] = fromEnvironment(() => "key")
      let attempts = 0
      const attempt = Effect.gen(function* () {
        const { add } = yield* Spend
        yield* add({ usd: usd("0.4") })
        if (++attempts === 1) return yield* new Unavailable({ detail: "overloaded", transient: {} })
        return attempts
      })
      return yield* Effect.result(guardedCall(spine, provider, "gpt-5", 1000, Option.some(usd("1")), attempt))
    }).pipe(Effect.provide(services))
    return { result, asked: budget.asked }
  })

it.live("a second attempt is held beside what the first was billed", () =>
  Effect.gen(function* () {
    const { asked, result } = yield* billedTwice("2")
    expect(result).toMatchObject({ _tag: "Success", success: 2 })
    expect(asked).toEqual(["hold 1", "extend 0.4", "settle 0.8"])
  })
)

it.live("a second attempt that the budget cannot cover does not begin", () =>
  Effect.gen(function* () {
    const { asked, result } = yield* billedTwice("1.2")
    expect(result).toMatchObject({ _tag: "Failure", failure: { _tag: "OverBudget" } })
    expect(asked).toEqual(["hold 1", "extend 0.4", "settle 0.4"])
  })
)
