/** Guard: applies scopes, limits, cache, budget, breaker, time limit and retries to every call of the catalog. */
import { type Clock, Context, Effect, Equal, Layer } from "effect"
import { errorClass } from "../../src/domain/errorClass.ts"
import type { Policy } from "../../src/domain/Policy.ts"
import type { Principal } from "../../src/domain/Principal.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Calls, RunningCall, type Call } from "../ledger/Calls.ts"
import { Journal } from "../ledger/Journal.ts"
import { Spend } from "../ledger/Spend.ts"
import { Progress } from "../progress/Progress.ts"
import type { Tracker } from "../progress/Tracker.ts"
import { SharedRedis } from "../storage/SharedRedis.ts"
import { awaitRecord, journalAfter, journalBefore } from "./journalRecords.ts"
import * as circuitBreaker from "./circuitBreaker.ts"
import { Budget } from "./Budget.ts"
import { cachedResult } from "./cachedResult.ts"
import { CallSlots } from "./CallSlots.ts"
import { CallSpend } from "./CallSpend.ts"
import { compileLimits, maxTracked } from "./compileLimits.ts"
import { judge, outcomeOf } from "./callOutcome.ts"
import { RateLimit } from "./RateLimit.ts"
import {
  Forbidden,
  type GuardRejection,
  type LimiterUnavailable,
  type RateLimited,
  type TimedOut
} from "./GuardError.ts"
import { withRetry } from "./retry.ts"
import type { EntryLimits } from "./entryLimits.ts"
import { section } from "./section.ts"
import { withTimeLimit } from "./timeLimit.ts"

export interface Subject {
  readonly call: Call
  readonly policy: Policy
  /** A read-only call may run while the shared store of the rate limits is unreachable. */
  readonly readOnly: boolean
  readonly idempotent: boolean
  readonly args: unknown
  /** Progress of the call: extends its time limit; Guard ends it. */
  readonly tracker: Tracker
}

/** Services that Guard provides to the handler. */
export type GuardServices = Progress | Spend

/** A snapshot for metrics and tests. */
export interface GuardState {
  /** Nested calls are not counted: they run in the slots of their ancestors. */
  readonly running: number
  /** Queued for a slot of any kind. */
  readonly waiting: number
  readonly cached: number
  readonly circuits: ReadonlyMap<string, circuitBreaker.CircuitState>
}

/**
 * Maximum nesting depth of calls. Nested calls run in the slot of their ancestor, so nothing else stops handlers that call
 * each other without end.
 */
const maxDepth = 32

const isTooDeep = (call: Call): boolean => {
  let depth = 0
  for (let { parent } = call; parent !== undefined; { parent } = parent) if (++depth > maxDepth) return true
  return false
}

const make = Effect.gen(function* () {
  const config = yield* ConfigSource
  const rateLimits = yield* RateLimit
  const budget = yield* Budget
  const { observers } = yield* Calls
  const { writers } = yield* Journal
  let now = compileLimits(yield* config.read(section))
  // Slots and breakers survive a reload, so that running calls stay counted.
  const slots = new CallSlots(now.totalSlots, maxTracked)
  const breaker = yield* circuitBreaker.make(now.breaker)
  yield* config.follow(section, (limits) => {
    if (limits === now.limits) return Effect.void
    const previous = now
    now = compileLimits(limits)
    slots.total.configure(now.totalSlots)
    return Equal.equals(previous.limits.breaker, limits.breaker)
      ? Effect.void
      : breaker.configure(now.breaker)
  })

  /** Circuit breaker → time limit → retry → handler. */
  const run = <A, E, R>(
    { call, idempotent, tracker }: Subject,
    rules: EntryLimits,
    spend: CallSpend,
    self: Effect.Effect<A, E, R | GuardServices>
  ) => {
    const again = (attempt: number, error: E) => {
      for (const observer of observers) observer.retried?.(call, attempt, errorClass(error))
    }
    const repeat = rules.retry === "always" || (rules.retry === "idempotent" && idempotent)
    const work = (left: () => number) => {
      for (const observer of observers) observer.started?.(call)
      return repeat ? withRetry(self, now.retry, left, again) : self
    }
    const provide = (context: Context.Context<R>): Context.Context<R | GuardServices> =>
      Context.add(
        Context.add(Context.add(context, RunningCall, { call }), Progress, tracker.progress),
        Spend,
        spend
      )
    const timed = withTimeLimit(work, provide, call.name, rules.timeLimit, tracker.listen)
    return rules.circuit === undefined
      ? timed
      : breaker.execute(rules.circuit, call.principal.key, timed, judge)
  }

  /** Budget hold → journal → the rest. */
  const withHold = <A, E, R>(
    { args, call, policy }: Subject,
    spend: CallSpend,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | GuardRejection, R> => {
    const before = writers.size === 0 ? undefined : journalBefore(writers, call)
    const journaled = before === undefined ? self : Effect.andThen(before, self)
    const estimate = policy.estimate?.(args)
    // The budget decides about models whose price is unknown.
    return estimate === undefined && call.kind !== "model"
      ? journaled
      : Effect.andThen(spend.reserve(estimate), journaled)
  }

  /** Scopes → rate limit → cache → slots → the rest. */
  const admit = <A, E, R>(
    subject: Subject,
    clock: Clock.Clock,
    spend: CallSpend,
    self: Effect.Effect<A, E, R | GuardServices>,
    hit: () => void
  ): Effect.Effect<A, E | GuardRejection | TimedOut, R> => {
    const { args, call, policy, readOnly } = subject
    const { principal } = call
    if (!principal.may(policy.scopes, call.kind === "tool" ? call.name : undefined)) {
      return Effect.fail(new Forbidden({ name: call.name, scopes: policy.scopes }))
    }
    if (isTooDeep(call)) {
      const detail = `${call.name} is nested more than ${maxDepth} calls deep: its handlers call each other without end.`
      return Effect.die(new RangeError(detail))
    }
    const rules = now.limitsFor(call, policy)
    const { rate, reuse, slots: entry } = rules
    const settle = () => {
      const settling = spend.end()
      return settling && awaitRecord("Settling the budget of a call", call, settling)
    }
    const begin = slots.run(
      call,
      { principal: now.slotsFor(principal), entry, queueTimeout: now.queueTimeout },
      clock,
      Effect.suspend(() => withHold(subject, spend, run(subject, rules, spend, self))),
      settle
    )
    const fresh =
      reuse === undefined
        ? begin
        : Effect.suspend(() => cachedResult(now.cache, call, args, reuse, clock, begin, hit))
    const rates = now.ratesFor(principal, rate)
    if (rates.length === 0) return fresh
    return Effect.andThen(rateLimits.take(rates, readOnly ? "local" : "refuse"), fresh)
  }

  const protect = <A, E, R>(
    subject: Subject,
    self: Effect.Effect<A, E, R | GuardServices>
  ): Effect.Effect<A, E | GuardRejection | TimedOut, R> =>
    Effect.clockWith((clock) => {
      const { call, tracker } = subject
      const spend = new CallSpend(call, budget)
      let received: bigint | undefined
      let cached = false
      const body = Effect.suspend(() => {
        received = clock.monotonicTimeNanosUnsafe()
        for (const observer of observers) observer.received?.(call)
        return admit(subject, clock, spend, self, () => {
          cached = true
        })
      })
      return Effect.onExitPrimitive(body, (exit) => {
        if (received === undefined) return undefined
        const duration = Number(clock.monotonicTimeNanosUnsafe() - received) / 1e6
        const outcome = outcomeOf(exit, cached, spend.sum)
        const publish = () => {
          tracker.end(outcome.status)
          for (const observer of observers) observer.finished?.(call, outcome, duration)
        }
        const record = writers.size === 0 ? undefined : journalAfter(writers, call, outcome, duration)
        if (record !== undefined) return Effect.andThen(record, Effect.sync(publish))
        publish()
        return undefined
      })
    })

  return Guard.of({
    protect: <A, E, R>(subject: Subject, self: Effect.Effect<A, E, R>) =>
      // The same type, which TypeScript cannot prove of any `R`.
      protect(subject, self as Effect.Effect<A, E, Exclude<R, GuardServices> | GuardServices>),
    conceal: (call) => {
      for (const observer of observers) observer.concealed?.(call)
    },
    meter: (principal, onOutage = "local") =>
      Effect.suspend(() => {
        const rates = now.ratesFor(principal, undefined)
        return rates.length === 0 ? Effect.void : Effect.asVoid(rateLimits.take(rates, onOutage))
      }),
    invalidate: (...names) =>
      Effect.sync(() => now.cache.invalidate(names.length === 0 ? undefined : new Set(names))),
    state: Effect.sync(() => ({
      running: slots.total.running,
      waiting: slots.waiting,
      cached: now.cache.entries,
      circuits: breaker.states
    }))
  })
})

export class Guard extends Context.Service<
  Guard,
  {
    /**
     * Runs `self` through these stages: scope check → rate limit → cache → slots → budget hold → journal (`before`) →
     * circuit breaker → time limit and retry → handler → budget settlement → journal (`after`) → progress and observers.
     * Fails with one of `GuardRejection` if a stage rejects the call, with `TimedOut` if the call exceeds its time limit.
     *
     * Provides `Progress`, `Spend` and the reference `RunningCall` to the handler. A call with a `parent` inherits the
     * slots of its ancestors.
     */
    readonly protect: <A, E, R>(
      subject: Subject,
      self: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | GuardRejection | TimedOut, Exclude<R, GuardServices>>
    /** Notifies observers of a call of an entry that the principal cannot see. */
    readonly conceal: (call: Call) => void
    /**
     * Counts a request that is not a call (ping, list) under the rate limits of the principal. `onOutage`: while the shared
     * store is unreachable, in this process (default), or fails with `LimiterUnavailable`.
     */
    readonly meter: (
      principal: Principal,
      onOutage?: "local" | "refuse"
    ) => Effect.Effect<void, RateLimited | LimiterUnavailable>
    /** Removes the cached results of these tools, without names of all. Results of running calls are not cached. */
    readonly invalidate: (...names: ReadonlyArray<string>) => Effect.Effect<void>
    readonly state: Effect.Effect<GuardState>
  }
>()("manifold/guard/Guard") {
  /** Reads and follows section `limits`. */
  static readonly layerNoDeps = Layer.effect(Guard, make)

  /** Rate limits and circuit breakers use the Redis of `storage.redis_url`, if any. Requires `Budget`, `Calls` and `Journal`. */
  static readonly layer = Guard.layerNoDeps.pipe(
    Layer.provide(RateLimit.layer),
    Layer.provide(SharedRedis.layer)
  )
}
