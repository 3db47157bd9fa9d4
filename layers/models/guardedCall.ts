/** A model call under Guard: a child of the running call, with its hold on the budget and its provider's circuit breaker. */
import { BigDecimal, Effect, Option } from "effect"
import type { Policy } from "../../src/domain/Policy.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import type { Guard } from "../guard/Guard.ts"
import { nested, RunningCall, type Call } from "../ledger/Calls.ts"
import type { Prices } from "../ledger/Prices.ts"
import { Spend, type Charge, type Usage } from "../ledger/Spend.ts"
import type { Ids } from "../platform/Ids.ts"
import type { ProgressEvents } from "../progress/ProgressEvents.ts"
import type { Provider } from "./Provider.ts"

export interface Spine {
  readonly guard: Guard["Service"]
  readonly progress: ProgressEvents["Service"]
  readonly prices: Prices["Service"]
  readonly ids: Ids["Service"]
}

const zero = BigDecimal.fromBigInt(0n)

const policies = new WeakMap<Provider, Map<number, Policy>>()

/** One object for each provider and time limit: Guard recognizes an entry by its policy. */
const policyOf = (provider: Provider, timeLimit: number): Policy => {
  let byLimit = policies.get(provider)
  if (byLimit === undefined) policies.set(provider, (byLimit = new Map()))
  let known = byLimit.get(timeLimit)
  if (known === undefined) {
    known = {
      scopes: ["call"],
      timeLimit,
      retry: "always",
      dependency: provider.name,
      concurrency: provider.concurrency,
      // The argument of a model call for the budget is its upper bound.
      estimate: (bound) => bound as BigDecimal.BigDecimal | undefined
    }
    byLimit.set(timeLimit, known)
  }
  return known
}

/** A model call outside of any handler has the user who runs the program as its principal. */
const rootCall = (model: string, { nextUnsafe }: Ids["Service"]): Call => {
  const requestId = nextUnsafe()
  return {
    kind: "model",
    name: model,
    principal: stdioUser,
    requestId,
    correlationId: requestId,
    trace: undefined
  }
}

/**
 * The hold covers one attempt. What an earlier attempt was billed is held in addition before the next one begins, so that
 * the hold covers that one as well.
 */
const heldPerAttempt = <A, E, R>(self: Effect.Effect<A, E, R>) => {
  let covered = zero
  return Effect.flatMap(Spend, ({ extend, spent }) =>
    Effect.flatMap(spent, ({ usd }) => {
      if (!BigDecimal.isGreaterThan(usd, covered)) return self
      const more = BigDecimal.subtract(usd, covered)
      covered = usd
      return Effect.andThen(extend(more), self)
    })
  )
}

/** `bound`: the maximum cost of the call; none: the price is unknown, and the budget decides whether it may run. */
export const guardedCall = <A, E, R>(
  { guard, ids, progress }: Spine,
  provider: Provider,
  model: string,
  timeLimit: number,
  bound: Option.Option<BigDecimal.BigDecimal>,
  self: Effect.Effect<A, E, R>
) =>
  Effect.flatMap(RunningCall, ({ call: parent }) => {
    const call =
      parent === undefined
        ? rootCall(model, ids)
        : nested(parent, { kind: "model", name: model, principal: parent.principal })
    return guard.protect(
      {
        call,
        policy: policyOf(provider, timeLimit),
        readOnly: false,
        idempotent: false,
        args: Option.getOrUndefined(bound),
        tracker: progress.track(call)
      },
      Option.isNone(bound) ? self : heldPerAttempt(self)
    )
  })

/** What was used: the provider's own figures, or an estimate of them (`uncertain`). */
export interface Used {
  readonly usage?: Required<Usage> | undefined
  readonly uncertain: boolean
  readonly images?: number
  /** The provider's name of the model. Default: the requested name. */
  readonly model?: string | undefined
  readonly timeToFirstToken?: number | undefined
}

/** The charge for it; without usage and images nothing was billed, and the charge only names provider and model. */
export const chargeOf = Effect.fnUntraced(function* (
  { prices }: Spine,
  { baseUrl, name: provider }: Provider,
  requested: string,
  { images, model = requested, timeToFirstToken, uncertain, usage }: Used
) {
  const charge: Charge = {
    usd: zero,
    provider,
    model,
    ...(usage !== undefined && { usage }),
    ...(uncertain && { uncertain }),
    ...(timeToFirstToken !== undefined && { timeToFirstToken })
  }
  if (usage === undefined && images === undefined) return charge
  const cost = yield* prices.cost({
    provider,
    model,
    alias: requested,
    baseUrl,
    usage: usage ?? {},
    ...(images !== undefined && { images })
  })
  return Option.match(cost, {
    onNone: (): Charge => ({ ...charge, unpriced: true }),
    onSome: (usd): Charge => ({ ...charge, usd })
  })
})

/** Reports it to the running call. */
export const spend = (charge: Charge) => Effect.flatMap(Spend, ({ add }) => add(charge))
