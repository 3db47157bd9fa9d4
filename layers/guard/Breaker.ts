/** Circuit breaker per key: after N consecutive failures calls fail fast, until a probe succeeds. */
import { Duration, Effect, Exit, Layer, Option, Schedule, Scope } from "effect"
import { SharedRedis } from "../storage/SharedRedis.ts"
import * as BreakerStore from "./BreakerStore.ts"
import { CircuitOpen } from "./refusals.ts"

export interface BreakerSettings {
  /** Consecutive failures that open a circuit. */
  readonly failures: number
  /** How long it stays open at first, in milliseconds; twice as long each time that a probe fails, up to an hour. */
  readonly open: number
}

export type CircuitState = "closed" | "open" | "half-open"

/** Whether a call's end counts as a success of its dependency, as a failure, or not at all. */
export type Verdict = "success" | "failure" | "ignored"

/** The `retryAfter` of calls that are rejected while another one probes the circuit, in milliseconds. */
const probing = 1000

const stateOf = { Closed: "closed", Open: "open", HalfOpen: "half-open" } as const

/**
 * Circuits of `effect/persistence`, by key. A key gets one at its first failure: until then there is nothing to check,
 * as long as no other instance shares the circuits.
 */
export const make = Effect.fnUntraced(function* (initial: BreakerSettings) {
  const scope = yield* Effect.scope
  const redis = yield* SharedRedis
  const alone = Option.isNone(redis)
  /** Circuits that ever had a failure, in the state that this instance saw last. */
  const states = new Map<string, CircuitState>()
  /** Keys with a failure since their last success. */
  const troubled = new Set<string>()

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
              Schedule.exponential(Duration.millis(settings.open)),
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
    self: Effect.Effect<A, E, R>,
    judge: (exit: Exit.Exit<A, E>) => Verdict
  ) {
    const { breaker, library } = yield* circuits
    const outcomes = { success: library.success, failure: library.failure(), ignored: library.ignored }
    let recovered = false
    const classify = (ended: Exit.Exit<A, E>) => {
      const verdict = judge(ended)
      recovered = verdict === "success"
      return outcomes[verdict]
    }
    const exit = yield* breaker.execute(self, { key: name, classify }).pipe(
      Effect.mapError((error) => {
        if (!(error instanceof library.CircuitBreakerError)) return error
        const retryAfter =
          error.reason._tag === "CircuitOpen" ? Duration.toMillis(error.reason.retryAfter) : probing
        return new CircuitOpen({ name, retryAfter })
      }),
      Effect.exit
    )
    // A circuit that never had a failure stays closed; the store need not be asked.
    if (recovered && !states.has(name)) return yield* exit
    // The store in this process does not fail, and the shared one is replaced by it.
    const state = yield* Effect.orDie(breaker.state(name))
    states.set(name, stateOf[state._tag])
    if (recovered && state._tag === "Closed") troubled.delete(name)
    return yield* exit
  })

  /** Runs `self` in the circuit of that key, or fails with `CircuitOpen` at once. */
  const execute = <A, E, R>(
    name: string,
    self: Effect.Effect<A, E, R>,
    judge: (exit: Exit.Exit<A, E>) => Verdict
  ): Effect.Effect<A, E | CircuitOpen, R> => {
    if (!alone || troubled.has(name)) return through(name, self, judge)
    return Effect.catchCause(self, (cause) => {
      const exit = Exit.failCause(cause)
      if (judge(exit) !== "failure") return exit
      troubled.add(name)
      // Only recorded: a call that failed meanwhile may have opened the circuit, which does not matter to this one.
      return Effect.andThen(Effect.exit(through(name, exit, judge)), exit)
    })
  }

  const configure = (settings: BreakerSettings) =>
    Effect.map(build(settings), (built) => {
      circuits = built
    })

  return { execute, states: states as ReadonlyMap<string, CircuitState>, configure }
})
