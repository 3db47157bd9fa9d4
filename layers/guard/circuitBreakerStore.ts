/** The store of circuit breakers: this process, or the Redis that all instances share. */
import { Context, Effect, Layer, Option } from "effect"
import type { CircuitBreakerError, CircuitBreakerStore } from "effect/persistence/CircuitBreaker"
import { SharedRedis } from "../storage/SharedRedis.ts"

type Store = CircuitBreakerStore["Service"]

const isStoreError = ({ reason }: CircuitBreakerError) => reason._tag === "CircuitBreakerStoreError"

/** The store of `effect/persistence`'s CircuitBreaker. While Redis is away, each instance uses its own. */
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
      const here = Context.get(yield* Layer.build(memory), CircuitBreakerStore)
      const there = Context.get(yield* Layer.build(shared), CircuitBreakerStore)
      const ask = <A, R>(question: (store: Store) => Effect.Effect<A, CircuitBreakerError, R>) =>
        Effect.suspend(() =>
          connected() ? Effect.catchIf(question(there), isStoreError, () => question(here)) : question(here)
        )
      // A circuit's generation in one store is none in the other: what was admitted there changes nothing here.
      return CircuitBreakerStore.of({
        admit: (key) => ask((store) => store.admit(key)),
        record: (outcome) => ask((store) => store.record(outcome)),
        state: (key) => ask((store) => store.state(key))
      })
    })
    return Layer.effect(CircuitBreakerStore, make)
  })
)
