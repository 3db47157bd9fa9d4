/** Store of the circuit breakers: this process, or the Redis that all instances share. */
import { Clock, Context, Effect, Layer, Option } from "effect"
import type { CircuitBreakerError, CircuitBreakerStore } from "effect/persistence/CircuitBreaker"
import { monotonicMillis } from "../platform/monotonic.ts"
import { SharedRedis } from "../storage/SharedRedis.ts"

type Store = CircuitBreakerStore["Service"]

const isStoreError = ({ reason }: CircuitBreakerError) => reason._tag === "CircuitBreakerStoreError"

/** A clock that is never set, for durations: Redis has its own clock. */
const unset = (clock: Clock.Clock): Clock.Clock => ({
  currentTimeMillisUnsafe: () => monotonicMillis(clock),
  currentTimeMillis: Effect.sync(() => monotonicMillis(clock)),
  currentTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  currentTimeNanos: clock.monotonicTimeNanos,
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  sleep: (duration) => clock.sleep(duration)
})

/** For the CircuitBreaker of `effect/persistence`. While Redis is unreachable, each instance uses its own store. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const connection = yield* SharedRedis
    const CircuitBreaker = yield* Effect.promise(() => import("effect/persistence/CircuitBreaker"))
    const memory = Layer.effect(
      CircuitBreaker.CircuitBreakerStore,
      Effect.map(
        Effect.map(
          Layer.build(CircuitBreaker.layerStoreMemory()),
          Context.get(CircuitBreaker.CircuitBreakerStore)
        ),
        (store) => ({
          admit: (key) => Effect.updateService(store.admit(key), Clock.Clock, unset),
          record: (outcome) => Effect.updateService(store.record(outcome), Clock.Clock, unset),
          state: (key) => Effect.updateService(store.state(key), Clock.Clock, unset)
        })
      )
    )
    if (Option.isNone(connection)) return memory
    const Redis = yield* Effect.promise(() => import("effect/persistence/Redis"))
    const { connected, redis } = connection.value
    const { CircuitBreakerStore } = CircuitBreaker
    const shared = CircuitBreaker.layerStoreRedis({ prefix: "manifold:breaker:" }).pipe(
      Layer.provide(Layer.succeed(Redis.Redis, redis))
    )
    const make = Effect.gen(function* () {
      const local = Context.get(yield* Layer.build(memory), CircuitBreakerStore)
      const remote = Context.get(yield* Layer.build(shared), CircuitBreakerStore)
      const use = <A, R>(run: (store: Store) => Effect.Effect<A, CircuitBreakerError, R>) =>
        Effect.suspend(() =>
          connected() ? Effect.catchIf(run(remote), isStoreError, () => run(local)) : run(local)
        )
      // Generations differ between the stores: a call that one store admitted changes nothing in the other.
      return CircuitBreakerStore.of({
        admit: (key) => use((store) => store.admit(key)),
        record: (outcome) => use((store) => store.record(outcome)),
        state: (key) => use((store) => store.state(key))
      })
    })
    return Layer.effect(CircuitBreakerStore, make)
  })
)
