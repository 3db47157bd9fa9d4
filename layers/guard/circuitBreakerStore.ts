/** Store of the circuit breakers: this process, or the Redis that all instances share. */
import { Context, Effect, Layer, Option } from "effect"
import type { CircuitBreakerError, CircuitBreakerStore } from "effect/persistence/CircuitBreaker"
import { SharedRedis } from "../storage/SharedRedis.ts"

type Store = CircuitBreakerStore["Service"]

const isStoreError = ({ reason }: CircuitBreakerError) => reason._tag === "CircuitBreakerStoreError"

/** For the CircuitBreaker of `effect/persistence`. While Redis is unreachable, each instance uses its own store. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const connection = yield* SharedRedis
    const CircuitBreaker = yield* Effect.promise(() => import("effect/persistence/CircuitBreaker"))
    const memory = CircuitBreaker.layerStoreMemory()
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
