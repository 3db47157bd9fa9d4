/** How a call runs: the third noun of the spine. Catalog applies it to every call, and nothing else limits a call. */
import { type Clock, Context, Effect, Equal, Exit, Layer } from "effect"
import type { Policy } from "../../src/domain/Policy.ts"
import type { Principal } from "../../src/domain/Principal.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Calls, type Call } from "../ledger/Calls.ts"
import { SharedRedis } from "../storage/SharedRedis.ts"
import * as Breaker from "./Breaker.ts"
import { Budget } from "./Budget.ts"
import { derive } from "./derive.ts"
import { errorClass, judge, outcomeOf } from "./outcome.ts"
import { RateLimit } from "./RateLimit.ts"
import { type Busy, Forbidden, type Refused, type TimedOut } from "./refusals.ts"
import { retried } from "./retry.ts"
import { rateLimit, rulesOf, type Rules } from "./rules.ts"
import { section } from "./section.ts"
import { Slots, SlotsByKey } from "./Slots.ts"
import { limited } from "./timeLimit.ts"
import { canonical } from "./ToolCache.ts"
import type { Limit } from "./windows.ts"

export interface Subject {
  readonly call: Call
  readonly policy: Policy
  /** Whether it changes nothing: then it may begin while the count that instances share cannot be reached. */
  readonly readOnly: boolean
  readonly idempotent: boolean
  readonly args: unknown
  /** Told what to call on each report of progress. */
  readonly follow: (reported: () => void) => void
}

/** How it is right now. */
export interface GuardState {
  readonly running: number
  /** For a slot of any kind. */
  readonly waiting: number
  readonly cached: number
  readonly circuits: ReadonlyMap<string, Breaker.CircuitState>
}

/** Principals, and tools, that are remembered; idle ones beyond it are forgotten. */
const mostKnown = 1000

const make = Effect.gen(function* () {
  const config = yield* ConfigSource
  const calls = yield* Calls
  const rateLimits = yield* RateLimit
  const budget = yield* Budget
  const { observers } = calls
  let now = derive(yield* config.read(section))
  // These outlive a reload, so that what runs goes on to be counted.
  const total = new Slots(now.totalSlots)
  const principals = new SlotsByKey(mostKnown)
  const tools = new SlotsByKey(mostKnown)
  const breaker = yield* Breaker.make(now.breaker)
  yield* config.follow(section, (limits) => {
    if (limits === now.limits) return Effect.void
    const before = now
    now = derive(limits)
    total.configure(now.totalSlots)
    return Equal.equals(before.limits.breaker, limits.breaker) ? Effect.void : breaker.configure(now.breaker)
  })

  const keys = new WeakMap<Principal, string>()
  const keyOf = (principal: Principal): string => {
    let key = keys.get(principal)
    if (key === undefined) keys.set(principal, (key = principal.key))
    return key
  }

  const rulesFor = ({ call, policy }: Subject): Rules => {
    if (call.kind !== "tool") {
      let rules = now.otherRules.get(policy)
      if (rules === undefined) now.otherRules.set(policy, (rules = rulesOf(now.limits, policy)))
      return rules
    }
    const known = now.rules.get(call.name)
    if (known !== undefined && known.policy === policy) return known.rules
    const rules = rulesOf(now.limits, policy, call.name)
    if (now.rules.size >= mostKnown) now.rules.clear()
    now.rules.set(call.name, { policy, rules })
    return rules
  }

  const ratesFor = (principal: Principal, tool: Limit | undefined): ReadonlyArray<Limit> => {
    let rates = now.rates.get(principal)
    if (rates === undefined) {
      const { limits, totalRate } = now
      const own =
        principal.source === "anonymous-loopback"
          ? rateLimit("address", principal.clientId, limits.address)
          : rateLimit("principal", keyOf(principal), limits.principal, principal.subject)
      now.rates.set(principal, (rates = [own, totalRate]))
    }
    return tool === undefined ? rates : [tool, ...rates]
  }

  /**
   * Runs `self` in a slot of the principal, of the tool and of all: in this order, so that a principal who waits for a
   * slot of its own keeps none from others, and nobody ever waits in a circle.
   */
  const within = <A, E, R>(
    { call }: Subject,
    rules: Rules,
    clock: Clock.Clock,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Busy, R> => {
    let all: ReadonlyArray<Slots> = []
    let taken = 0
    const enter = Effect.suspend(() => {
      const own = principals.of(keyOf(call.principal), now.principalSlots)
      all = rules.slots === undefined ? [own, total] : [own, tools.of(call.name, rules.slots), total]
      while (all[taken]?.takeUnsafe() === true) taken++
      if (taken === all.length) return self
      const until = clock.currentTimeMillisUnsafe() + now.patience
      const left = () => until - clock.currentTimeMillisUnsafe()
      return all
        .slice(taken)
        .reduceRight<Effect.Effect<A, E | Busy, R>>(
          (inner, slots) => slots.hold(call.name, left, inner),
          self
        )
    })
    return Effect.onExitPrimitive(enter, () => {
      for (let index = 0; index < taken; index++) all[index]?.release()
      return undefined
    })
  }

  const run = <A, E, R>(
    { call, follow, idempotent }: Subject,
    rules: Rules,
    self: Effect.Effect<A, E, R>
  ) => {
    const again = (attempt: number, error: E) => {
      for (const observer of observers) observer.retried?.(call, attempt, errorClass(error))
    }
    const repeat = rules.retry === "always" || (rules.retry === "idempotent" && idempotent)
    const work = (left: () => number) => {
      for (const observer of observers) observer.started?.(call)
      return repeat ? retried(self, now.retry, left, again) : self
    }
    const timed = limited(work, call.name, rules.timeLimit, follow)
    return call.kind === "tool" ? breaker.execute(call.name, timed, judge) : timed
  }

  /** Gives again what was answered before, or keeps what is answered now. */
  const reused = <A, E, R>(
    { args, call }: Subject,
    { among, ttl }: NonNullable<Rules["reuse"]>,
    clock: Clock.Clock,
    self: Effect.Effect<A, E, R>,
    hit: () => void
  ): Effect.Effect<A, E, R> => {
    const asked = canonical(args)
    if (asked === undefined) return self
    const { principal } = call
    const whose = { everybody: undefined, principal: keyOf(principal), scopes: principal.scopes.toSorted() }
    const key = JSON.stringify([call.name, whose[among] ?? null, asked])
    const { cache } = now
    const kept = cache.get(key, clock.currentTimeMillisUnsafe())
    if (kept !== undefined) {
      hit()
      // Only what this tool answered is under its key.
      return Effect.succeed(kept.value as A)
    }
    const { epoch } = cache
    return Effect.onExitPrimitive(self, (exit) => {
      if (Exit.isSuccess(exit) && cache.epoch === epoch) {
        cache.put(key, call.name, exit.value, clock.currentTimeMillisUnsafe() + ttl)
      }
      return undefined
    })
  }

  const admit = <A, E, R>(
    subject: Subject,
    clock: Clock.Clock,
    self: Effect.Effect<A, E, R>,
    hit: () => void
  ): Effect.Effect<A, E | Refused | TimedOut, R> => {
    const { call, policy, readOnly } = subject
    const { principal } = call
    if (!principal.may(policy.scopes)) {
      return Effect.fail(new Forbidden({ name: call.name, scopes: policy.scopes }))
    }
    const rules = rulesFor(subject)
    const { cost, rate, reuse } = rules
    const running = Effect.suspend(() => run(subject, rules, self))
    const begin = within(subject, rules, clock, cost > 0 ? budget.hold(call, cost, running) : running)
    const fresh =
      reuse === undefined ? begin : Effect.suspend(() => reused(subject, reuse, clock, begin, hit))
    if (!now.limits.enabled) return fresh
    return Effect.andThen(rateLimits.take(ratesFor(principal, rate), readOnly ? "local" : "refuse"), fresh)
  }

  const protect = <A, E, R>(
    subject: Subject,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Refused | TimedOut, R> =>
    Effect.clockWith((clock) => {
      if (observers.size === 0) return admit(subject, clock, self, () => {})
      const { call } = subject
      let received: bigint | undefined
      let cached = false
      const body = Effect.suspend(() => {
        received = clock.monotonicTimeNanosUnsafe()
        for (const observer of observers) observer.received?.(call)
        return admit(subject, clock, self, () => {
          cached = true
        })
      })
      return Effect.onExitPrimitive(body, (exit) => {
        if (received === undefined) return undefined
        const duration = Number(clock.monotonicTimeNanosUnsafe() - received) / 1e6
        const outcome = outcomeOf(exit, cached)
        for (const observer of observers) observer.finished?.(call, outcome, duration)
        return undefined
      })
    })

  return Guard.of({
    protect,
    invalidate: (...names) =>
      Effect.sync(() => now.cache.invalidate(names.length === 0 ? undefined : new Set(names))),
    state: Effect.sync(() => ({
      running: total.running,
      waiting: principals.waiting + tools.waiting + total.waiting,
      cached: now.cache.entries,
      circuits: breaker.states
    }))
  })
})

export class Guard extends Context.Service<
  Guard,
  {
    /**
     * Runs `self` if it may begin: scope check → rate limit → cache → slots → budget hold → circuit breaker → time limit
     * and retry. What does not begin fails with one of `Refused`, what takes too long with `TimedOut`.
     */
    readonly protect: <A, E, R>(
      subject: Subject,
      self: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | Refused | TimedOut, R>
    /** Forgets kept results of those tools, or of all; also those that are on their way. */
    readonly invalidate: (...names: ReadonlyArray<string>) => Effect.Effect<void>
    readonly state: Effect.Effect<GuardState>
  }
>()("manifold/guard/Guard") {
  /** As section `limits` says; counts where `storage.redis_url` says. */
  static readonly layer = Layer.effect(Guard, make).pipe(
    Layer.provide(RateLimit.layer),
    Layer.provide(SharedRedis.layer),
    Layer.provide(Budget.layerNone)
  )
}
