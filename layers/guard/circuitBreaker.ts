/** Circuit breaker per name and principal: after N consecutive failures calls fail fast until a probe succeeds. */
import { Duration, Effect, Exit, Layer, Option, Schedule, Scope } from "effect"
import { SharedRedis } from "../storage/SharedRedis.ts"
import * as circuitBreakerStore from "./circuitBreakerStore.ts"
import { CircuitOpen } from "./GuardError.ts"
import { monotonicMillis, monotonicNow } from "../platform/monotonic.ts"

export interface BreakerSettings {
  /** Consecutive failures that open the circuit of a principal. */
  readonly failures: number
  /** This many principals with an open circuit of one name open it for all others. */
  readonly principals: number
  /** Initial open time in milliseconds; doubles after each failed probe, up to an hour. */
  readonly openDuration: number
}

export type CircuitState = "closed" | "open" | "half-open"

/** How the outcome of a call counts for its dependency. */
export type Verdict = "success" | "failure" | "ignored"

/** The `retryAfter` of calls that are rejected during a probe, in milliseconds. */
const probeRetryAfter = 1000

/** Bounds of the names with failures, of the circuits per name that are not closed, and of the keys with failures. */
const maxNames = 1000
const maxCircuits = 1000
const maxFailing = 10_000

const stateOf = { Closed: "closed", Open: "open", HalfOpen: "half-open" } as const

interface Circuit {
  readonly state: CircuitState
  /** When an open circuit may be probed, in monotonic milliseconds. */
  readonly until: number
}

/** The state of a name: open before half-open before closed. */
const worst = (circuits: Iterable<Circuit>): CircuitState => {
  let found: CircuitState = "closed"
  for (const { state } of circuits) {
    if (state === "open") return state
    if (state === "half-open") found = state
  }
  return found
}

/** Removes what was added first, beyond so many. */
const keepLast = (kept: Set<string> | Map<string, unknown>, most: number) => {
  for (const first of kept.keys()) {
    if (kept.size <= most) return
    kept.delete(first)
  }
}

/**
 * Circuits of `effect/persistence`, by name (of a tool or its dependency) and principal. One principal may cause failures
 * itself, for example with a URL that never responds, and must not lock out others; failures of several principals prove
 * an outage of the dependency. Without a shared store, a circuit is created at the first failure.
 */
export const make = Effect.fnUntraced(function* (initial: BreakerSettings) {
  const scope = yield* Effect.scope
  const redis = yield* SharedRedis
  const isLocal = Option.isNone(redis)
  let { principals } = initial
  /** By name (of those that failed last) and principal: circuits that are not closed, as last seen by this instance. */
  const circuitsOf = new Map<string, Map<string, Circuit>>()
  /** Keys with a failure since their last success. */
  const failing = new Set<string>()

  const keyOf = (name: string, owner: string) => `${name}\n${owner}`
  const recordFailure = (key: string) => {
    failing.add(key)
    keepLast(failing, maxFailing)
  }
  const recordState = (name: string, owner: string, state: CircuitState, until: number) => {
    const circuits = circuitsOf.get(name) ?? new Map<string, Circuit>()
    circuitsOf.delete(name)
    circuitsOf.set(name, circuits)
    keepLast(circuitsOf, maxNames)
    circuits.delete(owner)
    if (state === "closed") return
    circuits.set(owner, { state, until })
    keepLast(circuits, maxCircuits)
  }
  /** How long the circuits of other principals reject this one, in milliseconds; 0: they do not. */
  const rejectedFor = (circuits: ReadonlyMap<string, Circuit>, owner: string, now: number): number => {
    let open = 0
    let earliest = Infinity
    for (const [other, { state, until }] of circuits) {
      if (other === owner || state !== "open" || until <= now) continue
      open++
      earliest = Math.min(earliest, until)
    }
    return open >= principals ? earliest - now : 0
  }

  const foundation = yield* Effect.cached(
    Effect.gen(function* () {
      const library = yield* Effect.promise(() => import("effect/persistence/CircuitBreaker"))
      const store = yield* Layer.build(circuitBreakerStore.layer)
      return { library, store }
    }).pipe(
      Effect.provideService(SharedRedis, redis),
      Effect.provideService(Scope.Scope, scope),
      Effect.uninterruptible
    )
  )
  const build = (settings: BreakerSettings) =>
    Effect.cached(
      Effect.gen(function* () {
        const { library, store } = yield* foundation
        const breaker = yield* library
          .make({
            tripPolicy: library.consecutive(settings.failures),
            openDuration: Schedule.min([
              Schedule.exponential(Duration.millis(settings.openDuration)),
              Schedule.spaced(Duration.hours(1))
            ])
          })
          .pipe(Effect.provideContext(store))
        return { library, breaker }
      }).pipe(Effect.provideService(Scope.Scope, scope), Effect.uninterruptible)
    )
  let circuits = yield* build(initial)

  const runInCircuit = Effect.fnUntraced(function* <A, E, R>(
    name: string,
    owner: string,
    self: Effect.Effect<A, E, R>,
    judge: (exit: Exit.Exit<A, E>) => Verdict
  ) {
    const key = keyOf(name, owner)
    const { breaker, library } = yield* circuits
    const outcomes = { success: library.success, failure: library.failure(), ignored: library.ignored }
    let recovered = false
    const classify = (ended: Exit.Exit<A, E>) => {
      const verdict = judge(ended)
      recovered = verdict === "success"
      if (verdict === "failure") recordFailure(key)
      return outcomes[verdict]
    }
    const exit = yield* breaker.execute(self, { key, classify }).pipe(
      Effect.mapError((error) => {
        if (!(error instanceof library.CircuitBreakerError)) return error
        const retryAfter =
          error.reason._tag === "CircuitOpen" ? Duration.toMillis(error.reason.retryAfter) : probeRetryAfter
        return new CircuitOpen({ name, retryAfter })
      }),
      Effect.exit
    )
    // A circuit without failures stays closed, so the store is not read.
    if (recovered && !failing.has(key) && circuitsOf.get(name)?.has(owner) !== true) return yield* exit
    // The memory store does not fail, and the shared store falls back to it.
    const state = yield* Effect.orDie(breaker.state(key))
    const until = state._tag === "Open" ? (yield* monotonicNow) + Duration.toMillis(state.retryAfter) : 0
    recordState(name, owner, stateOf[state._tag], until)
    if (recovered && state._tag === "Closed") failing.delete(key)
    return yield* exit
  })

  /** Runs `self` in the principal's own circuit. */
  const inOwn = <A, E, R>(
    name: string,
    owner: string,
    self: Effect.Effect<A, E, R>,
    judge: (exit: Exit.Exit<A, E>) => Verdict
  ): Effect.Effect<A, E | CircuitOpen, R> => {
    if (!isLocal || (failing.size > 0 && failing.has(keyOf(name, owner)))) {
      return runInCircuit(name, owner, self, judge)
    }
    return Effect.catchCause(self, (cause) => {
      const exit = Exit.failCause(cause)
      if (judge(exit) !== "failure") return exit
      // Only records the failure: whether another call has opened the circuit meanwhile does not matter to this one.
      return Effect.andThen(Effect.exit(runInCircuit(name, owner, exit, judge)), exit)
    })
  }

  /**
   * Runs `self` in the circuit of that name and principal (`owner`: its key). Fails fast with `CircuitOpen` if that circuit is
   * open, or if those of enough other principals are.
   */
  const execute = <A, E, R>(
    name: string,
    owner: string,
    self: Effect.Effect<A, E, R>,
    judge: (exit: Exit.Exit<A, E>) => Verdict
  ): Effect.Effect<A, E | CircuitOpen, R> => {
    const others = circuitsOf.get(name)
    if (others === undefined || others.size < principals) return inOwn(name, owner, self, judge)
    return Effect.clockWith((clock) => {
      const retryAfter = rejectedFor(others, owner, monotonicMillis(clock))
      return retryAfter > 0
        ? Effect.fail(new CircuitOpen({ name, retryAfter }))
        : inOwn(name, owner, self, judge)
    })
  }

  const configure = (settings: BreakerSettings) =>
    Effect.map(build(settings), (built) => {
      circuits = built
      principals = settings.principals
    })

  return {
    execute,
    /** By name, for the names that failed last. */
    get states(): ReadonlyMap<string, CircuitState> {
      return new Map(Array.from(circuitsOf, ([name, of]) => [name, worst(of.values())]))
    },
    configure
  }
})
