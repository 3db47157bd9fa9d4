/** Rate limits over a real Redis: exact over processes, local while Redis is down, bounded while it hangs. */
import { expect } from "bun:test"
import { Context, Effect, Fiber, Layer, Logger, Option } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { RateLimit } from "../../../layers/guard/RateLimit.ts"
import type { Limit } from "../../../layers/guard/fixedWindows.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { SharedRedis } from "../../../layers/storage/SharedRedis.ts"
import { it } from "../../support/effect.ts"
import { atOnce } from "../../support/parallelProcesses.ts"
import { describeRedis, redisServer } from "../../support/redis.ts"

/** An hour, in milliseconds: no window ends while a test runs. */
const hour = 3_600_000

const limit = (name: string, max: number, window = hour): Limit => ({ name, key: name, max, window })

/** A separate instance, built from the configuration. */
const instance = (url: string) =>
  Layer.fresh(RateLimit.layerNoDeps).pipe(
    Layer.provideMerge(Layer.fresh(SharedRedis.layer)),
    Layer.provide(ConfigSource.layerFrom({ storage: { redis_url: url } }, {})),
    Layer.provide([Environment.layerTest({}), Platform.layer])
  )

const build = Effect.fnUntraced(function* (url: string) {
  const context = yield* Layer.build(instance(url))
  const { connected, redis } = Option.getOrThrow(Context.get(context, SharedRedis))
  return { take: Context.get(context, RateLimit).take, connected, redis }
})

type Instance = Effect.Success<ReturnType<typeof build>>

/** Repeats `each` until the connection is up or down, within the time limit of the test. */
const until = <E>(up: boolean, { connected }: Instance, each: Effect.Effect<unknown, E>) =>
  Effect.repeat(Effect.andThen(each, Effect.yieldNow), { until: () => connected() === up })

const messages = (into: Array<string>) =>
  Logger.layer([Logger.make(({ message }) => void into.push(String(message)))])

describeRedis("the rate limit in Redis", () => {
  it.live(
    "three processes together admit exactly the limit",
    () =>
      Effect.gen(function* () {
        const { url } = yield* redisServer()
        const said = yield* atOnce(3, `${import.meta.dir}/limitProcess.ts`, { REDIS_URL: url })
        const passed = said.map(Number)
        expect(passed.reduce((sum, each) => sum + each, 0)).toBe(100)
        const { redis } = yield* build(url)
        expect(yield* redis.send("GET", "manifold:limit:total")).toBe("100")
        // Calls that the total rejected are refunded to the principal.
        expect(yield* redis.send("GET", "manifold:limit:principal:alice")).toBe("100")
      }),
    30_000
  )

  it.live("a rejection names the limit, the calls left and the retry time, and counts nowhere", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer()
      const { take } = yield* build(url)
      const [wide, narrow] = [limit("principal", 5), limit("tool", 1)]
      expect(yield* take([wide, narrow], "refuse")).toBe(0)
      const error = yield* Effect.flip(take([wide, narrow], "refuse"))
      expect(error).toMatchObject({ _tag: "RateLimited", limit: "tool", max: 1, remaining: 0, window: hour })
      expect(error.retryAfter).toBeGreaterThan(hour - 60_000)
      expect(error.retryAfter).toBeLessThanOrEqual(hour)
      expect(yield* take([wide], "refuse")).toBe(3)
      expect(yield* Effect.flip(take([limit("none", 0)], "refuse"))).toMatchObject({ retryAfter: hour })
    })
  )

  it.live("refill times below a millisecond are not rounded up", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer()
      const { redis, take } = yield* build(url)
      // 1.5 ms per call. Rounded up, a thousand calls would close the window for 2 s.
      const calls = Effect.repeat(take([limit("total", 2_000_000, 3_000_000)], "refuse"), { times: 999 })
      yield* calls
      expect(yield* redis.send<number>("PTTL", "manifold:limit:total")).toBeLessThan(1700)
    })
  )

  it.live(
    "while Redis is killed and restarted under load no call hangs and each instance counts locally",
    () => {
      const log: Array<string> = []
      return Effect.gen(function* () {
        const server = yield* redisServer()
        const mine = yield* build(server.url)
        const { redis, take } = mine
        const busy = (onOutage: "local" | "refuse") =>
          Effect.exit(take([limit("load", 1_000_000_000)], onOutage))
        let stop = false
        const callers = Array.from({ length: 20 }, (_, index) =>
          Effect.repeat(Effect.andThen(busy(index % 2 ? "local" : "refuse"), Effect.yieldNow), {
            until: () => stop
          })
        )
        const load = yield* Effect.forkScoped(Effect.all(callers, { concurrency: "unbounded" }))
        yield* Effect.repeat(busy("local"), { times: 100 })
        yield* server.kill
        yield* until(false, mine, busy("local"))

        expect(yield* Effect.flip(take([limit("write", 10)], "refuse"))).toMatchObject({
          _tag: "LimiterUnavailable"
        })
        const reads = yield* Effect.all(
          Array.from({ length: 8 }, () => Effect.result(take([limit("read", 5)], "local"))),
          { concurrency: "unbounded" }
        )
        expect(reads.map(({ _tag }) => _tag)).toEqual([
          ...Array.from({ length: 5 }, () => "Success" as const),
          ...Array.from({ length: 3 }, () => "Failure" as const)
        ])

        yield* server.restart
        yield* until(true, mine, busy("refuse"))
        expect(yield* take([limit("read", 5)], "refuse")).toBe(4)
        expect(yield* redis.send("GET", "manifold:limit:read")).toBe("1")
        stop = true
        yield* Fiber.join(load)
        expect(log).toEqual([
          expect.stringMatching(/^Redis is unreachable \(.+\)/),
          "Redis is reachable again"
        ])
      }).pipe(Effect.provide(messages(log)))
    },
    30_000
  )

  it.live(
    "a hanging Redis delays no call for long and is used again when it responds",
    () =>
      Effect.gen(function* () {
        const server = yield* redisServer()
        const mine = yield* build(server.url)
        expect(yield* mine.take([limit("total", 5)], "refuse")).toBe(4)
        yield* server.freeze
        const waiting = ["local", "refuse"] as const
        const calls = waiting.map((onOutage) => Effect.exit(mine.take([limit("total", 5)], onOutage)))
        const [read, write] = yield* Effect.all(calls, { concurrency: "unbounded" })
        expect(read).toMatchObject({ _tag: "Success", value: 4 })
        expect(String(write)).toContain("LimiterUnavailable")
        yield* server.thaw
        yield* until(true, mine, Effect.void)
        // Abandoned calls may have been counted.
        expect(yield* mine.take([limit("total", 5)], "refuse")).toBeLessThanOrEqual(3)
      }),
    30_000
  )

  it.live(
    "the limiter starts without Redis and connects to it later",
    () =>
      Effect.gen(function* () {
        const server = yield* redisServer()
        yield* server.kill
        const mine = yield* build(server.url)
        expect(mine.connected()).toBe(false)
        expect(yield* mine.take([limit("total", 5)], "local")).toBe(4)
        yield* server.restart
        yield* until(true, mine, Effect.void)
        expect(yield* mine.take([limit("total", 5)], "refuse")).toBe(4)
      }),
    30_000
  )
})
