/** Leaves alone for a while what failed repeatedly, so that calls of it fail at once and nothing waits for it. */
import { Duration, Effect, Exit, Layer, Option, Schedule, Scope } from "effect"
import { SharedRedis } from "../storage/SharedRedis.ts"
import * as BreakerStore from "./BreakerStore.ts"
import { CircuitOpen } from "./refusals.ts"

export interface BreakerSettings {
  /** Failures in a row that open a circuit. */
  readonly failures: number
  /** How long it stays open at first, in milliseconds; twice as long each time that a probe fails, up to an hour. */
  readonly open: number
}

export type CircuitState = "closed" | "open" | "half-open"

/** Whether a call's end speaks for what it depends on, against it, or neither. */
export type Verdict = "success" | "failure" | "ignored"

/** While one call probes a circuit, others are asked to come back after this many milliseconds. */
const probing = 1000

const stateOf = { Closed: "closed", Open: "open", HalfOpen: "half-open" } as const

/**
 * Circuits of `effect/persistence`, by name. They are made at the first failure: while nothing failed there is nothing
 * to ask them, as long as no other instance shares them.
 */
export const make = Effect.fnUntraced(function* (initial: BreakerSettings) {
  const scope = yield* Effect.scope
  const redis = yield* SharedRedis
  const alone = Option.isNone(redis)
  /** Circuits that were ever in trouble, as this instance saw them last. */
  const states = new Map<string, CircuitState>()
  /** Names that failed since they last succeeded. */
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
    // What is well and always was needs no second question.
    if (recovered && !states.has(name)) return yield* exit
    // The store in this process does not fail, and the shared one is replaced by it.
    const state = yield* Effect.orDie(breaker.state(name))
    states.set(name, stateOf[state._tag])
    if (recovered && state._tag === "Closed") troubled.delete(name)
    return yield* exit
  })

  /** Runs `self` in the circuit of that name, or fails with `CircuitOpen` at once. */
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
      // Recorded only; whoever failed in between may have opened the circuit, which changes nothing for this call.
      return Effect.andThen(Effect.exit(through(name, exit, judge)), exit)
    })
  }

  const configure = (settings: BreakerSettings) =>
    Effect.map(build(settings), (built) => {
      circuits = built
    })

  return { execute, states: states as ReadonlyMap<string, CircuitState>, configure }
})
