/** The connection to a real Redis: errors, redacted passwords, commands and channels. */
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
  it.live("redacts a wrong password in the log and in errors", () => {
    const log: Array<string> = []
    return Effect.gen(function* () {
      const { url } = yield* redisServer("--requirepass", "right")
      const { connected, redis } = yield* connect(withPassword(url, "hunter2"))
      expect(connected()).toBe(false)
      const error = yield* Effect.flip(redis.send("PING"))
      expect(error._tag).toBe("RedisError")
      expect(log).toHaveLength(1)
      expect(log[0]).toContain("Redis is unreachable")
      expect(`${log.join()} ${Bun.inspect(error)} ${JSON.stringify(error)}`).not.toContain("hunter2")
    }).pipe(Effect.provide(messages(log)))
  })

  it.live("sends commands with the right password, and an error reply keeps the connection", () =>
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

  it.live("treats a server that accepts no writes as unreachable until it does", () => {
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
      expect(log).toEqual([expect.stringContaining("OOM"), expect.stringContaining("reachable again")])
    }).pipe(Effect.provide(messages(log)))
  })

  it.live("delivers messages on a channel, and a reserved connection waits as long as requested", () =>
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
