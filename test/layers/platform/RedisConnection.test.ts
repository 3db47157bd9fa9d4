/** The connection to a real Redis: what it says when it is refused, what it shows of its password, what it carries. */
import { expect } from "bun:test"
import { Effect, Fiber, Logger, Queue, Redacted } from "effect"
import { connect } from "../../../layers/platform/RedisConnection.ts"
import { it } from "../../support/effect.ts"
import { describeRedis, redisServer } from "../../support/redis.ts"

const messages = (into: Array<string>) =>
  Logger.layer([
    Logger.make(({ cause, message }) => void into.push(`${String(message)} ${Bun.inspect(cause)}`))
  ])

const withPassword = (url: string, password: string) =>
  Redacted.make(url.replace("redis://", `redis://:${password}@`))

describeRedis("a connection to Redis", () => {
  it.live("a wrong password is not shown, neither in the log nor in an error", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const { url } = yield* redisServer("--requirepass", "right")
      const { connected, redis } = yield* connect(withPassword(url, "hunter2"))
      expect(connected()).toBe(false)
      const error = yield* Effect.flip(redis.send("PING"))
      expect(error._tag).toBe("RedisError")
      expect(log).toHaveLength(1)
      expect(log[0]).toContain("Redis is unreachable (cannot connect or cannot write)")
      expect(`${log.join()} ${Bun.inspect(error)} ${JSON.stringify(error)}`).not.toContain("hunter2")
    }).pipe(Effect.provide(messages(log)))
  })

  it.live("with the right one it carries commands; an error reply is an error and no loss", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer("--requirepass", "right")
      const { connected, redis } = yield* connect(withPassword(url, "right"))
      expect(yield* redis.send("SET", "a", "1")).toBe("OK")
      const error = yield* Effect.flip(redis.send("LPUSH", "a", "2"))
      expect(String(error.cause)).toContain("WRONGTYPE")
      expect(connected()).toBe(true)
      expect(yield* redis.send("GET", "a")).toBe("1")
    })
  )

  it.live("a server that takes no more writes is as good as away, until it does", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const { url } = yield* redisServer()
      const { connected, redis } = yield* connect(Redacted.make(url))
      const other = yield* connect(Redacted.make(url))
      yield* other.redis.send("CONFIG", "SET", "maxmemory", "1")
      yield* Effect.flip(redis.send("SET", "a", "1"))
      expect(connected()).toBe(false)
      yield* other.redis.send("CONFIG", "SET", "maxmemory", "0")
      yield* Effect.repeat(Effect.yieldNow, { until: () => connected() })
      expect(yield* redis.send("SET", "a", "1")).toBe("OK")
      expect(log.map((line) => line.split(".")[0])).toEqual([
        "Redis is unreachable (OOM)",
        expect.stringContaining("Redis is reachable again")
      ])
    }).pipe(Effect.provide(messages(log)))
  })

  it.live("messages on a channel arrive, and a reserved connection waits for as long as it is told to", () =>
    Effect.gen(function* () {
      const { url } = yield* redisServer()
      const { redis } = yield* connect(Redacted.make(url))
      const heard = yield* redis.subscribe("news")
      yield* Effect.repeat(redis.send<number>("PUBLISH", "news", "hello"), {
        until: (listeners) => listeners === 1
      })
      expect(yield* Queue.take(heard)).toEqual({ channel: "news", message: "hello" })
      const reserved = yield* redis.reserve
      const waiting = yield* Effect.forkScoped(reserved.send("BLPOP", "list", "0"), {
        startImmediately: true
      })
      yield* redis.send("LPUSH", "list", "item")
      expect(yield* Fiber.join(waiting)).toEqual(["list", "item"])
    })
  )
})
