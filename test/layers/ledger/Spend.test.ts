/** Charges add up exactly, and a handler outside of Guard may report them too. */
import { expect, test } from "bun:test"
import { BigDecimal, Effect } from "effect"
import { nothing, Spend, sum, type Charge } from "../../../layers/ledger/Spend.ts"
import { usd } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { guard, protect } from "../../support/guard.ts"

it.effect("money is exact, tokens add up by kind, and the last model is named", () =>
  Effect.gen(function* () {
    const charges: ReadonlyArray<Charge> = [
      { usd: usd("0.1"), usage: { input_tokens: 10, cached_input_tokens: 4 }, model: "small" },
      { usd: usd("0.2") },
      { usd: usd("0.0000001"), usage: { input_tokens: 1, output_tokens: 3 }, model: "large" }
    ]
    const total = yield* protect(
      {},
      Effect.gen(function* () {
        const { add, spent } = yield* Spend
        for (const charge of charges) yield* add(charge)
        return yield* spent
      })
    )
    expect(BigDecimal.format(total.usd)).toBe("0.3000001")
    expect(total.usage).toEqual({ input_tokens: 11, output_tokens: 3, cached_input_tokens: 4 })
    expect(total.model).toBe("large")
    expect(BigDecimal.format(charges.reduce(sum, nothing).usd)).toBe("0.3000001")
  }).pipe(Effect.provide(guard()))
)

it.effect("outside of Guard charges go nowhere, and everything is allowed", () =>
  Effect.gen(function* () {
    const { add, extend, spent } = yield* Spend
    yield* extend(usd("1000000"))
    yield* add({ usd: usd("1000000") })
    expect(yield* spent).toEqual(nothing)
  }).pipe(Effect.provide(Spend.layerNoop))
)

test("one charge without a price or without reported usage marks the sum", () => {
  const exact: Charge = { usd: usd("1"), provider: "openai", timeToFirstToken: 120 }
  const total = [exact, { usd: usd("0"), unpriced: true }, { usd: usd("2"), uncertain: true }].reduce(
    sum,
    nothing
  )
  expect(total).toMatchObject({ provider: "openai", timeToFirstToken: 120, unpriced: true, uncertain: true })
  expect(BigDecimal.format(total.usd)).toBe("3")
  expect(sum(nothing, exact)).not.toHaveProperty("unpriced")
})
