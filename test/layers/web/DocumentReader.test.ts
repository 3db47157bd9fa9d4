/** Reading of documents in workers: off the main thread, a few at a time, stopped by time limit and interruption. */
import { describe, expect } from "bun:test"
import { Deferred, Duration, Effect, Fiber } from "effect"
import * as Readable from "../../../layers/web/DocumentReader.ts"
import { it } from "../../support/effect.ts"
import { leastOf } from "../../support/leastOf.ts"

const make = (timeout: Duration.Input = "20 seconds", concurrency = 2) =>
  Readable.make({ timeout: Duration.fromInputUnsafe(timeout), concurrency })

const job = (html: string) => ({
  bytes: new TextEncoder().encode(html),
  cut: false,
  url: "https://site.example/",
  charset: undefined,
  xml: false,
  wholePage: false,
  maxChars: 20_000,
  maxElements: 200_000
})
/** Keeps a worker busy for a good part of a second. */
const large = "<p>words <b>and</b> <i>more</i> words</p>".repeat(120_000)

/** The longest time in milliseconds that the effect blocked the main thread. */
const longestBlock = <A, E>(self: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    let last = performance.now()
    let longest = 0
    const timer = yield* Effect.acquireRelease(
      Effect.sync(() =>
        setInterval(() => {
          const now = performance.now()
          longest = Math.max(longest, now - last)
          last = now
        }, 1)
      ),
      (interval) => Effect.sync(() => clearInterval(interval))
    )
    yield* self
    clearInterval(timer)
    return longest
  }).pipe(Effect.scoped)

/** Waits until this process uses less than half a core, and fails if it never does. */
const idle = Effect.promise(async () => {
  for (let tries = 0; tries < 20; tries++) {
    const before = process.cpuUsage()
    await Bun.sleep(200)
    const { system, user } = process.cpuUsage(before)
    if (user + system < 100_000) return
  }
  throw new Error("the worker runs on")
})

describe("a page", () => {
  it.live("is Markdown with its title", () =>
    Effect.gen(function* () {
      const { text, title } = yield* make().page(job("<title>T &amp; U</title><h1>Heading</h1><p>words"))
      expect([title, text]).toEqual(["T & U", "# Heading\n\nwords"])
    })
  )

  it.live("of five megabytes takes less than 150 MB and does not block the main thread", () =>
    Effect.gen(function* () {
      const { page } = make()
      yield* page(job("<p>warm"))
      const html = "<p>a".repeat(1_250_000)
      let least = Infinity
      const blocked = Effect.gen(function* () {
        Bun.gc(true)
        const before = process.memoryUsage.rss()
        let peak = before
        const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 10)
        const longest = yield* longestBlock(page(job(html)))
        clearInterval(watch)
        least = Math.min(least, (peak - before) / 1e6)
        return longest
      })
      expect(yield* leastOf(100, blocked)).toBeLessThan(100)
      expect(least).toBeLessThan(150)
    })
  )

  it.live("over the time limit is a typed error with the setting", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(make("1 millis").page(job(large)))
      expect(error._tag).toBe("Unreadable")
      expect(error.message).toContain("web.extract_timeout")
      yield* idle
    })
  )

  it.live("ends its worker when it is interrupted", () =>
    Effect.gen(function* () {
      const { page } = make("60 seconds")
      const fiber = yield* Effect.forkChild(page(job(large)), { startImmediately: true })
      // The worker has started once this page has been read beside it.
      yield* page(job("<p>short"))
      yield* Fiber.interrupt(fiber)
      yield* idle
    })
  )

  it.live("waits for a slot of its reader only", () =>
    Effect.gen(function* () {
      const one = make("60 seconds", 1)
      const order: Array<string> = []
      const first = yield* Effect.forkChild(
        Effect.tap(one.page(job(large)), () => Effect.sync(() => order.push("large"))),
        { startImmediately: true }
      )
      const second = yield* Effect.forkChild(
        Effect.tap(one.page(job("<p>queued")), () => Effect.sync(() => order.push("queued"))),
        { startImmediately: true }
      )
      const other = yield* Deferred.make<void>()
      yield* Effect.forkChild(
        Effect.tap(make("60 seconds", 1).page(job("<p>other")), () => {
          order.push("other")
          return Deferred.succeed(other, undefined)
        }),
        { startImmediately: true }
      )
      yield* Deferred.await(other)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      expect(order).toEqual(["other", "large", "queued"])
    })
  )
})

describe("robots.txt", () => {
  const allows = (text: string, path: string, agent = "manifold/1.0") =>
    make().allows({ text, url: `https://site.example${path}`, agent })

  it.live("applies the group of our user agent, else of *, and the longest matching rule", () =>
    Effect.gen(function* () {
      const rules = `User-agent: *\nDisallow: /private\nAllow: /private/open\n\nUser-agent: Manifold\nUser-agent: other\nDisallow: /x*y$`
      expect(yield* allows(rules, "/private/open")).toBe(true)
      expect(yield* allows(rules, "/x1y")).toBe(false)
      expect(yield* allows(rules, "/x1yz")).toBe(true)
      expect(yield* allows(rules, "/private/a", "foo/1")).toBe(false)
      expect(yield* allows(rules, "/private/open/a", "foo/1")).toBe(true)
      expect(yield* allows("", "/")).toBe(true)
      expect(yield* allows("\0\ufffd<html>", "/")).toBe(true)
    })
  )

  it.live("with ten thousand agents before ten thousand rules is read", () =>
    Effect.gen(function* () {
      const agents = Array.from({ length: 10_000 }, (_, index) => `User-agent: a${index}`)
      const rules = Array.from({ length: 10_000 }, (_, index) => `Disallow: /p${index}`)
      expect(yield* allows([...agents, "User-agent: *", ...rules].join("\n"), "/p77")).toBe(false)
    })
  )
})
