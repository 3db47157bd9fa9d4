/** `Spend` of one call: the sum of its charges and its hold on the budget. Allocates nothing until it is used. */
import { BigDecimal, Effect, Semaphore } from "effect"
import type { Call } from "../ledger/Calls.ts"
import type { JournalUnavailable } from "../ledger/Journal.ts"
import { nothing, OverBudget, sum, type Charge, type Spending, type Spent } from "../ledger/Spend.ts"
import type { Budget, Hold } from "./Budget.ts"

export class CallSpend implements Spending {
  readonly #call: Call
  readonly #budget: Budget["Service"]
  #sum: Spent | undefined
  #hold: Hold | undefined
  /** The amount of the hold. */
  #held: BigDecimal.BigDecimal = nothing.usd
  /** One extension at a time: two at once could both make the first hold. */
  #extending: Semaphore.Semaphore | undefined
  #ended = false

  constructor(call: Call, budget: Budget["Service"]) {
    this.#call = call
    this.#budget = budget
  }

  #callEnded() {
    return new OverBudget({ name: this.#call.name, limit: "call" })
  }

  /** Undefined before the first charge. */
  get sum(): Spent | undefined {
    return this.#sum
  }

  // Getters that return functions: handlers destructure the service, and fields would cost every call three closures.

  get add() {
    return (charge: Charge): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (BigDecimal.isNegative(charge.usd)) {
          return Effect.die(
            new RangeError("A charge must not be negative. Pass its amount in USD as zero or more.")
          )
        }
        // A forked fiber may outlive the call. The budget counts its charges as well.
        if (this.#ended) return this.#budget.chargeLate(this.#call, charge)
        this.#sum = sum(this.#sum ?? nothing, this.#atMostHeld(charge))
        return Effect.void
      })
  }

  /** An estimated charge counts as at most what the charges so far have left of the hold. */
  #atMostHeld(charge: Charge): Charge {
    if (charge.uncertain !== true || BigDecimal.isZero(this.#held)) return charge
    const left = BigDecimal.subtract(this.#held, this.#sum?.usd ?? nothing.usd)
    const most = BigDecimal.isPositive(left) ? left : nothing.usd
    return BigDecimal.isGreaterThan(charge.usd, most) ? { ...charge, usd: most } : charge
  }

  #holdMore(usd: BigDecimal.BigDecimal | undefined) {
    if (usd !== undefined) this.#held = BigDecimal.sum(this.#held, usd)
  }

  get extend() {
    return (usd: BigDecimal.BigDecimal): Effect.Effect<void, OverBudget> =>
      Effect.suspend(() => {
        this.#extending ??= Semaphore.makeUnsafe(1)
        const extended = Effect.suspend(() =>
          this.#ended || this.#hold === undefined
            ? Effect.catchTag(this.reserve(usd), "JournalUnavailable", ({ message }) =>
                Effect.fail(new OverBudget({ name: this.#call.name, limit: "unrecorded", advice: message }))
              )
            : Effect.uninterruptible(
                Effect.map(this.#hold.extend(usd), () => {
                  this.#holdMore(usd)
                })
              )
        )
        return this.#extending.withPermit(extended)
      })
  }

  get spent(): Effect.Effect<Spent> {
    return Effect.sync(() => this.#sum ?? nothing)
  }

  /** Makes the call's hold. Uninterruptible: an interruption after `Budget.hold` would lose the hold. */
  reserve(usd: BigDecimal.BigDecimal | undefined): Effect.Effect<void, OverBudget | JournalUnavailable> {
    return Effect.uninterruptible(
      Effect.suspend(() =>
        this.#ended
          ? Effect.fail(this.#callEnded())
          : Effect.flatMap(this.#budget.hold(this.#call, usd), (hold) => {
              // A forked fiber may outlive the call.
              if (this.#ended) return Effect.andThen(hold.settle(nothing), Effect.fail(this.#callEnded()))
              this.#hold = hold
              this.#holdMore(usd)
              return Effect.void
            })
      )
    )
  }

  /** Ends the call's spending and returns the settlement; undefined if there is nothing to settle. Called once. */
  end(): Effect.Effect<void> | undefined {
    this.#ended = true
    const [hold, spent] = [this.#hold, this.#sum]
    if (hold !== undefined) return Effect.suspend(() => hold.settle(spent ?? nothing))
    return spent && Effect.suspend(() => this.#budget.charge(this.#call, spent))
  }
}
