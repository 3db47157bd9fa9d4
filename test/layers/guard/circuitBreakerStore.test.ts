/** Circuit breakers over a real Redis: shared by instances, local while Redis is unreachable. */
import { expect } from "bun:test"
import { Effect, Layer, Option, Redacted } from "effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as circuitBreakerStore from "../../../layers/guard/circuitBreakerStore.ts"
import { connect } from "../../../layers/platform/RedisConnection.ts"
import { SharedRedis } from "../../../layers/storage/SharedRedis.ts"
import { it } from "../../support/effect.ts"
import { describeRedis, redisServer } from "../../support/redis.ts"

const breaker = (redis: Layer.Layer<SharedRedis>) =>
  CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(2),
    openDuration: "1 hour",
    onStoreError: "fail"
  }).pipe(Effect.provide(Layer.fresh(circuitBreakerStore.layer).pipe(Layer.provide(redis)), { local: true }))

const stateOf = (each: CircuitBreaker.CircuitBreaker, key: string) =>
  Effect.map(each.state(key), ({ _tag }) => _tag)

const fail = (each: CircuitBreaker.CircuitBreaker, key: string) =>
  Effect.exit(each.execute(Effect.fail("no"), { key }))

it.live("without Redis circuits are local to the process", () =>
  Effect.gen(function* () {
    const [one, other] = yield* Effect.all([breaker(SharedRedis.layerNone), breaker(SharedRedis.layerNone)])
    yield* Effect.repeat(fail(one, "a"), { times: 1 })
    expect(yield* stateOf(one, "a")).toBe("Open")
    expect(yield* stateOf(other, "a")).toBe("Closed")
  })
)

describeRedis("circuits in Redis", () => {
  it.live(
    "a circuit opened in one instance is open in the other, and circuits are local while Redis is unreachable",
    () =>
      Effect.gen(function* () {
        const server = yield* redisServer()
        const connections = yield* Effect.all([
          connect(Redacted.make(server.url)),
          connect(Redacted.make(server.url))
        ])
        const [one, other] = yield* Effect.all([
          breaker(Layer.succeed(SharedRedis, Option.some(connections[0]))),
          breaker(Layer.succeed(SharedRedis, Option.some(connections[1])))
        ])
        yield* fail(one, "a")
        yield* fail(other, "a")
        expect(yield* stateOf(one, "a")).toBe("Open")
        expect(yield* stateOf(other, "a")).toBe("Open")

        yield* server.kill
        expect(yield* one.execute(Effect.succeed("ran"), { key: "b" })).toBe("ran")
        yield* Effect.repeat(fail(one, "b"), { times: 1 })
        expect(yield* stateOf(one, "b")).toBe("Open")
        expect(yield* stateOf(other, "b")).toBe("Closed")

        yield* server.restart
        yield* Effect.repeat(Effect.yieldNow, { until: () => connections.every((each) => each.connected()) })
        expect(yield* stateOf(one, "b")).toBe("Closed")
        yield* fail(one, "b")
        yield* fail(other, "b")
        expect(yield* stateOf(one, "b")).toBe("Open")
      }),
    30_000
  )
})
