/** Circuit breaker per name and principal: after N consecutive failures calls fail fast, until a probe succeeds. */
import { Clock, Duration, Effect, Exit, Layer, Option, Schedule, Scope } from "effect"
import { SharedRedis } from "../storage/SharedRedis.ts"
import * as BreakerStore from "./circuitBreakerStore.ts"
import { CircuitOpen } from "./GuardError.ts"

export interface BreakerSettings {
  /** Consecutive failures that open a principal's circuit. */
  readonly failures: number
  /** So many principals with an open circuit of one name open it for all others. */
  readonly principals: number
  /** How long it stays open at first, in milliseconds; twice as long each time that a probe fails, up to an hour. */
  readonly openDuration: number
}

export type CircuitState = "closed" | "open" | "half-open"

/** Whether a call's end counts as a success of its dependency, as a failure, or not at all. */
export type Verdict = "success" | "failure" | "ignored"

/** The `retryAfter` of calls that are rejected while another one probes the circuit, in milliseconds. */
const probing = 1000

/** Circuits per name that are remembered in another state than closed, and keys with failures. */
const mostCircuits = 1000
const mostTroubled = 10_000

const stateOf = { Closed: "closed", Open: "open", HalfOpen: "half-open" } as const

interface Circuit {
  readonly state: CircuitState
  /** When an open circuit may be probed, in milliseconds. */
  readonly until: number
}

/** The state of a name: that of its circuit which is open the most. */
const worst = (circuits: Iterable<Circuit>): CircuitState => {
  let found: CircuitState = "closed"
  for (const { state } of circuits) {
    if (state === "open") return state
    if (state === "half-open") found = state
  }
  return found
}

/**
 * Circuits of `effect/persistence`, by name (of a tool or its dependency) and principal: a failure may be of the caller's
 * making, such as a URL that never answers, and must not keep others out. Only several principals show that the dependency
 * is away. A circuit is made at the first failure: until then there is nothing to check, as long as no other instance
 * shares the circuits.
 */
export const make = Effect.fnUntraced(function* (initial: BreakerSettings) {
  const scope = yield* Effect.scope
  const redis = yield* SharedRedis
  const alone = Option.isNone(redis)
  let { principals } = initial
  /** By name, those that ever had a failure; by principal, circuits that are not closed, as this instance saw them last. */
  const circuitsOf = new Map<string, Map<string, Circuit>>()
  /** Keys with a failure since their last success. */
  const troubled = new Set<string>()

  const keyOf = (name: string, owner: string) => `${name}\n${owner}`
  const trouble = (key: string) => {
    troubled.add(key)
    for (const first of troubled) {
      if (troubled.size <= mostTroubled) return
      troubled.delete(first)
    }
  }
  const note = (name: string, owner: string, state: CircuitState, until: number) => {
    let circuits = circuitsOf.get(name)
    if (circuits === undefined) circuitsOf.set(name, (circuits = new Map()))
    circuits.delete(owner)
    if (state === "closed") return
    circuits.set(owner, { state, until })
    for (const first of circuits.keys()) {
      if (circuits.size <= mostCircuits) return
      circuits.delete(first)
    }
  }
  /** How long the circuits of others keep this principal out, in milliseconds; 0: they do not. */
  const heldBack = (circuits: ReadonlyMap<string, Circuit>, owner: string, now: number): number => {
    let open = 0
    let earliest = Infinity
    for (const [other, { state, until }] of circuits) {
      if (other === owner || state !== "open" || until <= now) continue
      open++
      earliest = Math.min(earliest, until)
    }
    return open >= principals ? earliest - now : 0
  }

  const ground = yield* Effect.cached(
    Effect.gen(function* () {
      const library = yield* Effect.promise(() => import("effect/persistence/CircuitBreaker"))
      const store = yield* Layer.build(BreakerStore.layer)
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
        const { library, store } = yield* ground
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

  const through = Effect.fnUntraced(function* <A, E, R>(
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
      if (verdict === "failure") trouble(key)
      return outcomes[verdict]
    }
    const exit = yield* breaker.execute(self, { key, classify }).pipe(
      Effect.mapError((error) => {
        if (!(error instanceof library.CircuitBreakerError)) return error
        const retryAfter =
          error.reason._tag === "CircuitOpen" ? Duration.toMillis(error.reason.retryAfter) : probing
        return new CircuitOpen({ name, retryAfter })
      }),
      Effect.exit
    )
    // A circuit that never had a failure stays closed; the store need not be asked.
    if (recovered && !troubled.has(key) && circuitsOf.get(name)?.has(owner) !== true) return yield* exit
    // The store in this process does not fail, and the shared one is replaced by it.
    const state = yield* Effect.orDie(breaker.state(key))
    const until =
      state._tag === "Open" ? (yield* Clock.currentTimeMillis) + Duration.toMillis(state.retryAfter) : 0
    note(name, owner, stateOf[state._tag], until)
    if (recovered && state._tag === "Closed") troubled.delete(key)
    return yield* exit
  })

  /** Runs `self` in the principal's own circuit. */
  const inOwn = <A, E, R>(
    name: string,
    owner: string,
    self: Effect.Effect<A, E, R>,
    judge: (exit: Exit.Exit<A, E>) => Verdict
  ): Effect.Effect<A, E | CircuitOpen, R> => {
    if (!alone || (troubled.size > 0 && troubled.has(keyOf(name, owner)))) {
      return through(name, owner, self, judge)
    }
    return Effect.catchCause(self, (cause) => {
      const exit = Exit.failCause(cause)
      if (judge(exit) !== "failure") return exit
      // Only recorded: a call that failed meanwhile may have opened the circuit, which does not matter to this one.
      return Effect.andThen(Effect.exit(through(name, owner, exit, judge)), exit)
    })
  }

  /**
   * Runs `self` in the circuit of that name and principal (its key), or fails with `CircuitOpen` at once: because that one
   * is open, or those of enough other principals are.
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
      const retryAfter = heldBack(others, owner, clock.currentTimeMillisUnsafe())
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
    /** Of the names that ever had a failure. */
    get states(): ReadonlyMap<string, CircuitState> {
      return new Map(Array.from(circuitsOf, ([name, of]) => [name, worst(of.values())]))
    },
    configure
  }
})
