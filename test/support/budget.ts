/** A budget with a fixed amount of money, for tests, and a record of everything that it was asked. */
import { BigDecimal, Effect, Layer } from "effect"
import { Budget } from "../../layers/guard/Budget.ts"
import { type Charge, OverBudget } from "../../layers/ledger/Spend.ts"
import type { Call } from "../../layers/ledger/Calls.ts"

export const usd = BigDecimal.fromStringUnsafe
const { format, isGreaterThan, subtract, sum } = BigDecimal

/** `asked` has a line for each hold, extension, settlement and charge; `left` is what is neither held nor spent. */
export const fixedBudget = (amount: string, resetsAt?: number) => {
  const asked: Array<string> = []
  let left = usd(amount)
  const take = ({ name }: Call, more: BigDecimal.BigDecimal) =>
    Effect.suspend(() => {
      if (isGreaterThan(more, left)) {
        const limit = "daily"
        return Effect.fail(
          new OverBudget(resetsAt === undefined ? { name, limit } : { name, limit, resetsAt })
        )
      }
      left = subtract(left, more)
      return Effect.void
    })
  const charge = (word: string, { usd: charged }: Charge) =>
    Effect.sync(() => {
      asked.push(`${word} ${format(charged)}`)
      left = subtract(left, charged)
    })
  const layer = Layer.succeed(Budget, {
    hold: (call, estimate) =>
      Effect.gen(function* () {
        const first = estimate ?? usd("0")
        asked.push(`hold ${estimate === undefined ? "unpriced" : format(first)}`)
        yield* take(call, first)
        let held = first
        return {
          extend: (more) =>
            Effect.suspend(() => {
              asked.push(`extend ${format(more)}`)
              return Effect.map(take(call, more), () => {
                held = sum(held, more)
              })
            }),
          settle: (spent) =>
            Effect.sync(() => {
              asked.push(`settle ${format(spent.usd)}`)
              left = subtract(sum(left, held), spent.usd)
            })
        }
      }),
    charge: (_, spent) => charge("charge", spent),
    chargeLate: (_, late) => charge("late", late)
  })
  return { asked, layer, left: () => format(left) }
}
