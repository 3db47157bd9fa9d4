/** Charges of a call: handlers report them here, Guard settles their sum with the budget and adds it to the outcome. */
import { BigDecimal, Context, DateTime, Effect, Layer, Option, Schema } from "effect"

/** Tokens, as providers count them. Cached and cache-write tokens are part of the input, reasoning tokens of the output. */
export interface Usage {
  readonly input_tokens?: number
  readonly output_tokens?: number
  readonly total_tokens?: number
  readonly cached_input_tokens?: number
  readonly cache_write_input_tokens?: number
  readonly reasoning_tokens?: number
}

export interface Charge {
  /** Exact, not negative. */
  readonly usd: BigDecimal.BigDecimal
  readonly usage?: Usage
  /** The provider's name of the model that was used. */
  readonly model?: string
  /** The name of the model's provider in the configuration. */
  readonly provider?: string
  /** The price is unknown: `usd` is a lower bound. */
  readonly unpriced?: boolean
  /** The provider reported no usage: `usd` and `usage` are estimated from the request and the response. */
  readonly uncertain?: boolean
  /** Milliseconds from the request to the first chunk of the response. */
  readonly timeToFirstToken?: number
}

/** The sum of a call's charges. `model`, `provider` and `timeToFirstToken` are those of the last charge that has them. */
export type Spent = Charge

export const nothing: Spent = { usd: BigDecimal.fromBigInt(0n) }

const counts = [
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "cached_input_tokens",
  "cache_write_input_tokens",
  "reasoning_tokens"
] as const

const sumUsage = (a: Usage | undefined, b: Usage | undefined): Usage | undefined => {
  if (a === undefined || b === undefined) return a ?? b
  const sum: { -readonly [Name in keyof Usage]: number } = {}
  for (const name of counts) {
    const [one, other] = [a[name], b[name]]
    if (one !== undefined || other !== undefined) sum[name] = (one ?? 0) + (other ?? 0)
  }
  return sum
}

export const sum = (a: Spent, b: Charge): Spent => {
  const usage = sumUsage(a.usage, b.usage)
  return {
    ...a,
    ...b,
    usd: BigDecimal.sum(a.usd, b.usd),
    ...(usage !== undefined && { usage }),
    ...((a.unpriced === true || b.unpriced === true) && { unpriced: true }),
    ...((a.uncertain === true || b.uncertain === true) && { uncertain: true })
  }
}

const until = (resetsAt: number | undefined) =>
  Option.match(Option.flatMap(Option.fromUndefinedOr(resetsAt), DateTime.make), {
    onNone: () => "raise the limit to go on",
    onSome: (at) => `wait until ${DateTime.formatIso(at)}, or raise the limit`
  })

/**
 * The call would cost more than a budget has left. Final until the budget's window ends: a retry before `resetsAt`
 * cannot succeed.
 */
export class OverBudget extends Schema.TaggedError<OverBudget>()("OverBudget", {
  /** The name of the call. */
  name: Schema.String,
  /** The name of the budget's limit, such as `daily`. */
  limit: Schema.String,
  /** When the window ends, in milliseconds since the epoch; absent: it has no window. */
  resetsAt: Schema.optionalKey(Schema.Finite),
  /** What to do if neither waiting for the window's end nor raising the limit helps. */
  advice: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return `${this.name} would exceed the budget "${this.limit}": ${this.advice ?? until(this.resetsAt)}`
  }
}

export interface Spending {
  /**
   * Records a charge. Never fails: the money is spent, even if it exceeds the hold. A charge after the call's end counts for
   * the budget, but is not in the call's outcome.
   */
  readonly add: (charge: Charge) => Effect.Effect<void>
  /** Asks the budget to hold `usd` more for this call before it is spent. */
  readonly extend: (usd: BigDecimal.BigDecimal) => Effect.Effect<void, OverBudget>
  /** The sum of this call's charges so far, without those of nested calls. */
  readonly spent: Effect.Effect<Spent>
}

export class Spend extends Context.Service<Spend, Spending>()("manifold/ledger/Spend") {
  /** Unlimited and unrecorded, for handlers that run outside of Guard. */
  static readonly layerNoop = Layer.succeed(
    Spend,
    Spend.of({ add: () => Effect.void, extend: () => Effect.void, spent: Effect.succeed(nothing) })
  )
}
