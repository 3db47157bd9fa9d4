/** How a call runs: the third noun of the spine. Catalog applies it to every call, and nothing else limits a call. */
import { type Clock, Context, Duration, Effect, Exit, Layer } from "effect"
import type { Policy } from "../../src/domain/Policy.ts"
import type { Principal } from "../../src/domain/Principal.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Calls, type Call } from "../ledger/Calls.ts"
import { SharedRedis } from "../storage/SharedRedis.ts"
import * as Breaker from "./Breaker.ts"
import { Budget } from "./Budget.ts"
import { errorClass, judge, outcomeOf } from "./outcome.ts"
import { RateLimit } from "./RateLimit.ts"
import { Busy, Forbidden, type Refused, type TimedOut } from "./refusals.ts"
import { retried, type RetrySettings } from "./retry.ts"
import { rateLimit, rulesOf, slotsOf, type Rules } from "./rules.ts"
import { section, type Limits } from "./section.ts"
import type { Slots } from "./Slots.ts"
import { limited } from "./timeLimit.ts"
import { canonical, ToolCache } from "./ToolCache.ts"
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
  readonly waiting: number
  readonly cached: number
  readonly circuits: ReadonlyMap<string, Breaker.CircuitState>
}

/** Principals whose running calls are counted; idle ones beyond it are forgotten. */
const mostPrincipals = 1000

const millis = Duration.toMillis

/** What follows from one reading of the section. */
const derive = (limits: Limits) => ({
  limits,
  rules: new Map<string, { readonly policy: Policy; readonly rules: Rules }>(),
  rates: new WeakMap<Principal, Map<Limit | undefined, ReadonlyArray<Limit>>>(),
  totalRate: rateLimit("total", "", limits.total),
  total: slotsOf("total", limits.concurrency.total, limits.concurrency),
  principals: new Map<string, Slots>(),
  retry: {
    attempts: limits.retry.attempts,
    firstDelay: millis(limits.retry.first_delay),
    longestDelay: millis(limits.retry.longest_delay)
  } satisfies RetrySettings,
  cache: new ToolCache({ maxEntries: limits.cache.max_entries, maxSize: limits.cache.max_size })
})

const make = Effect.gen(function* () {
  const config = yield* ConfigSource
  const calls = yield* Calls
  const rateLimits = yield* RateLimit
  const budget = yield* Budget
  const { observers } = calls
  let now = derive(yield* config.read(section))
  const breakerOf = ({ breaker }: Limits) => ({ failures: breaker.failures, open: millis(breaker.open) })
  const breaker = yield* Breaker.make(breakerOf(now.limits))
  yield* config.follow(section, (limits) => {
    if (limits === now.limits) return Effect.void
    now = derive(limits)
    return breaker.configure(breakerOf(limits))
  })

  const keys = new WeakMap<Principal, string>()
  const keyOf = (principal: Principal): string => {
    let key = keys.get(principal)
    if (key === undefined) keys.set(principal, (key = principal.key))
    return key
  }

  const rulesFor = ({ call, idempotent, policy }: Subject): Rules => {
    // The names of tools are few; resources may be called anything, and what they differ in are scopes.
    const tool = call.kind === "tool"
    const name = tool ? call.name : `${call.kind}:`
    const known = now.rules.get(name)
    if (known !== undefined && (!tool || known.policy === policy)) return known.rules
    const rules = rulesOf(now.limits, name, policy, idempotent)
    now.rules.set(name, { policy, rules })
    return rules
  }

  /** The narrowest first. */
  const ratesFor = (principal: Principal, tool: Limit | undefined): ReadonlyArray<Limit> => {
    let known = now.rates.get(principal)
    if (known === undefined) now.rates.set(principal, (known = new Map()))
    let rates = known.get(tool)
    if (rates === undefined) {
      const { limits, totalRate } = now
      const own =
        principal.source === "anonymous-loopback"
          ? rateLimit("address", principal.clientId, limits.address)
          : rateLimit("principal", keyOf(principal), limits.principal)
      known.set(tool, (rates = tool === undefined ? [own, totalRate] : [tool, own, totalRate]))
    }
    return rates
  }

  const slotsFor = (principal: Principal): Slots => {
    const key = keyOf(principal)
    const { limits, principals } = now
    let slots = principals.get(key)
    if (slots === undefined) {
      if (principals.size >= mostPrincipals) {
        for (const [other, its] of principals) if (its.idle) principals.delete(other)
      }
      principals.set(key, (slots = slotsOf("principal", limits.concurrency.principal, limits.concurrency)))
    }
    return slots
  }

  /** Runs `self` while it holds one slot of each; waits where none is free. */
  const within = <A, E, R>(
    all: ReadonlyArray<Slots>,
    name: string,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Busy, R> => {
    let taken = 0
    while (taken < all.length && all[taken]?.takeUnsafe() === true) taken++
    const release = (count: number) => {
      for (let index = 0; index < count; index++) all[index]?.release()
    }
    if (taken === all.length) {
      return Effect.onExitPrimitive(self, () => {
        release(all.length)
        return undefined
      })
    }
    release(taken)
    return Effect.scoped(
      Effect.andThen(
        Effect.forEach(
          all,
          (slots) =>
            Effect.acquireRelease(slots.take(name), () => Effect.sync(() => slots.release()), {
              interruptible: true
            }),
          { discard: true }
        ),
        self
      )
    )
  }

  const run = <A, E, R>(subject: Subject, rules: Rules, clock: Clock.Clock, self: Effect.Effect<A, E, R>) => {
    const { call, follow } = subject
    const begun = clock.currentTimeMillisUnsafe()
    const again = (attempt: number, error: E) => {
      for (const observer of observers) observer.retried?.(call, attempt, errorClass(error))
    }
    const whole = rules.repeat ? retried(self, now.retry, () => begun + rules.timeLimit.limit, again) : self
    const timed = limited(whole, call.name, rules.timeLimit, follow)
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
    const { principal } = call
    const who =
      among === "everybody"
        ? ""
        : among === "principal"
          ? keyOf(principal)
          : principal.scopes.toSorted().join(" ")
    const key = JSON.stringify([call.name, who, canonical(args)])
    const { cache } = now
    const kept = cache.get(key, clock.currentTimeMillisUnsafe())
    if (kept !== undefined) {
      hit()
      // Only what this tool answered is under its key.
      return Effect.succeed(kept.value as A)
    }
    return Effect.onExitPrimitive(self, (exit) => {
      if (Exit.isSuccess(exit)) cache.put(key, call.name, exit.value, clock.currentTimeMillisUnsafe() + ttl)
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
    const begin: Effect.Effect<A, E | Refused | TimedOut, R> = Effect.suspend(() => {
      const slots = [slotsFor(principal), now.total]
      if (rules.slots !== undefined) slots.unshift(rules.slots)
      const running = Effect.suspend(() => run(subject, rules, clock, self))
      const paid = rules.cost > 0 ? budget.hold(call, rules.cost, running) : running
      return within(slots, call.name, paid)
    })
    const { reuse } = rules
    const fresh =
      reuse === undefined ? begin : Effect.suspend(() => reused(subject, reuse, clock, begin, hit))
    if (!now.limits.enabled) return fresh
    return Effect.andThen(
      rateLimits.take(ratesFor(principal, rules.rate), readOnly ? "local" : "refuse"),
      fresh
    )
  }

  const protect = <A, E, R>(
    subject: Subject,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Refused | TimedOut, R> =>
    Effect.clockWith((clock) => {
      if (observers.size === 0) return admit(subject, clock, self, () => {})
      const { call } = subject
      const received = clock.monotonicTimeNanosUnsafe()
      let cached = false
      for (const observer of observers) observer.received?.(call)
      const started = Effect.suspend(() => {
        for (const observer of observers) observer.started?.(call)
        return self
      })
      const body = admit(subject, clock, started, () => {
        cached = true
      })
      return Effect.onExitPrimitive(body, (exit) => {
        const duration = Number(clock.monotonicTimeNanosUnsafe() - received) / 1e6
        const outcome = outcomeOf(exit, cached)
        for (const observer of observers) observer.finished?.(call, outcome, duration)
        return undefined
      })
    })

  return Guard.of({
    protect,
    invalidate: (name) => Effect.sync(() => now.cache.invalidate(name)),
    state: Effect.sync(() => ({
      running: now.total.running,
      waiting: now.total.waiting,
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
    /** Forgets kept results of that tool, or of all. */
    readonly invalidate: (name?: string) => Effect.Effect<void>
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
