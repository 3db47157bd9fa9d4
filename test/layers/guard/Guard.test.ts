/** Guard: order of the limits, observers, interruption at any step, and reloads. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Exit, Fiber, Layer, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Budget } from "../../../layers/guard/Budget.ts"
import { Guard } from "../../../layers/guard/Guard.ts"
import { Calls } from "../../../layers/ledger/Calls.ts"
import { anonymousLoopback, Principal, type PrincipalLimits } from "../../../src/domain/Principal.ts"
import { suspension, Unavailable } from "../../../src/domain/Transient.ts"
import { it } from "../../support/effect.ts"
import { guard, heard, ledger, protect, state, subject, type Wanted } from "../../support/guard.ts"
import { given } from "../config/files.ts"

const person = (name: string, limits?: PrincipalLimits, scopes: ReadonlyArray<string> = ["call"]) =>
  new Principal({
    subject: name,
    clientId: "test",
    scopes,
    ceiling: [...scopes, "admin"],
    source: "api-token",
    ...(limits !== undefined && { limits })
  })
const [alice, bob] = [person("alice"), person("bob")]

const away = new Unavailable({ detail: "away", transient: {} })
const idle = { running: 0, waiting: 0 }

/** A call that runs until `stop`. */
const held = Effect.fnUntraced(function* (wanted: Wanted = {}) {
  const end = yield* Deferred.make<void>()
  const fiber = yield* Effect.forkChild(protect(wanted, Deferred.await(end)), { startImmediately: true })
  return { fiber, end: Effect.andThen(Deferred.succeed(end, undefined), Fiber.join(fiber)) }
})

describe("rate limits", () => {
  const limits = {
    principal: { calls: 2 },
    address: { calls: 1 },
    total: { calls: 4, window: "10 seconds" },
    tools: { rare: { rate: { calls: 1, window: "1 hour" } } }
  }

  it.effect("calls are counted per principal, per address, per tool and in total", () =>
    Effect.gen(function* () {
      const ask = (by: Principal, name = "tool") => Effect.flip(protect({ by, name }, Effect.void))
      yield* protect({ by: alice, name: "rare" }, Effect.void)
      expect(yield* ask(bob, "rare")).toMatchObject({
        _tag: "RateLimited",
        limit: "tool",
        key: "rare",
        max: 1,
        retryAfter: 3_600_000
      })
      yield* protect({ by: alice }, Effect.void)
      expect(yield* ask(alice)).toMatchObject({ limit: "principal", max: 2, window: 60_000 })
      yield* protect({ by: anonymousLoopback }, Effect.void)
      expect(yield* ask(anonymousLoopback)).toMatchObject({ limit: "address", key: "loopback" })
      // Rejected calls were not counted.
      yield* protect({ by: bob }, Effect.void)
      expect(yield* ask(bob)).toMatchObject({ limit: "total", max: 4, window: 10_000 })
      yield* TestClock.adjust("10 seconds")
      yield* protect({ by: bob }, Effect.void)
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("principals are counted by key, not by object identity", () =>
    Effect.gen(function* () {
      yield* protect({ by: person("carol") }, Effect.void)
      yield* protect({ by: person("carol") }, Effect.void)
      const error = yield* Effect.flip(protect({ by: person("carol") }, Effect.void))
      expect(error).toMatchObject({ limit: "principal" })
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("disabled rate limits count nothing", () =>
    Effect.gen(function* () {
      for (let each = 0; each < 10; each++) yield* protect({ by: alice, name: "rare" }, Effect.void)
    }).pipe(Effect.provide(guard({ ...limits, enabled: false })))
  )

  it.effect(
    "a token's own rate limit applies instead of its principal's, and while rate limits are disabled",
    () =>
      Effect.gen(function* () {
        const few: Wanted = { by: person("dora", { calls_per_minute: 1 }) }
        const many: Wanted = { by: person("erin", { calls_per_minute: 3 }) }
        const refused = { limit: "principal", window: 60_000 }
        for (const enabled of [true, false]) {
          yield* Effect.gen(function* () {
            yield* protect(few, Effect.void)
            expect(yield* Effect.flip(protect(few, Effect.void))).toMatchObject({ ...refused, max: 1 })
            for (let each = 0; each < 3; each++) yield* protect(many, Effect.void)
            expect(yield* Effect.flip(protect(many, Effect.void))).toMatchObject({ ...refused, max: 3 })
            // Another token of the same principal has other limits.
            yield* protect({ by: person("dora", { calls_per_minute: 5 }) }, Effect.void)
          }).pipe(Effect.provide(guard({ ...limits, total: { calls: 100 }, enabled })))
        }
      })
  )

  it.effect("the rate limit is checked after the scopes and before the cache", () =>
    Effect.gen(function* () {
      const cached: Wanted = { by: alice, cache: { ttl: "1 hour", among: "everybody" } }
      for (let each = 0; each < 5; each++) {
        const error = yield* Effect.flip(protect({ by: alice, scopes: ["admin"] }, Effect.void))
        expect(error).toMatchObject({ _tag: "Forbidden", scopes: ["admin"] })
      }
      yield* protect(cached, Effect.void)
      yield* protect(cached, Effect.void)
      expect(yield* Effect.flip(protect(cached, Effect.void))).toMatchObject({ _tag: "RateLimited" })
    }).pipe(Effect.provide(guard(limits)))
  )
})

describe("concurrency limits", () => {
  const limits = { concurrency: { principal: 2, total: 3, queue: 1, queue_timeout: "1 second" } }

  it.effect("a call takes slots of its principal, its tool and the total", () =>
    Effect.gen(function* () {
      const single: Wanted = { name: "single", concurrency: 1 }
      const first = yield* held({ ...single, by: alice })
      yield* held({ ...single, by: bob })
      expect(yield* state).toMatchObject({ running: 1, waiting: 1 })
      expect(yield* Effect.flip(protect({ ...single, by: alice }, Effect.void))).toMatchObject({
        _tag: "Busy",
        limit: "tool",
        max: 1
      })
      yield* first.end
      yield* Effect.yieldNow
      yield* Effect.replicateEffect(held({ by: alice }), 3)
      // Alice's third call waits for her own calls and holds nothing.
      expect(yield* state).toMatchObject({ running: 3, waiting: 1 })
      expect(yield* Effect.flip(protect({ by: alice }, Effect.void))).toMatchObject({
        limit: "principal",
        max: 2,
        waiting: 1
      })
      const fourth = yield* held({ by: bob })
      expect(yield* Effect.flip(protect({ by: person("carol") }, Effect.void))).toMatchObject({
        limit: "total",
        max: 3
      })
      yield* Fiber.interrupt(fourth.fiber)
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("a token's own concurrency limit applies instead of its principal's", () =>
    Effect.gen(function* () {
      const by = person("dora", { concurrency: 1 })
      yield* held({ by })
      yield* Effect.forkChild(protect({ by }, Effect.void))
      yield* Effect.yieldNow
      expect(yield* Effect.flip(protect({ by }, Effect.void))).toMatchObject({ limit: "principal", max: 1 })
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("the queue time-out covers all slots of a call together", () =>
    Effect.gen(function* () {
      const single: Wanted = { name: "single", concurrency: 1, by: alice }
      const own = yield* Effect.replicateEffect(held({ by: alice, timeLimit: "1 hour" }), 2)
      yield* held({ ...single, by: bob, timeLimit: "1 hour" })
      const waiting = yield* Effect.forkChild(protect(single, Effect.void), { startImmediately: true })
      yield* TestClock.adjust("600 millis")
      yield* own[0]?.end ?? Effect.void
      yield* TestClock.adjust("399 millis")
      expect(waiting.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(waiting))).toMatchObject({ _tag: "Busy", limit: "tool" })
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("one principal gets its share of a tool's slots and the rest stays free for others", () =>
    Effect.gen(function* () {
      const site: Wanted = { name: "site", concurrency: 4, timeLimit: "1 hour" }
      const own = yield* Effect.replicateEffect(held({ ...site, by: alice }), 6)
      // Three of four slots run; the other calls wait in the queue of her share.
      expect(yield* state).toMatchObject({ running: 3, waiting: 3 })
      yield* protect({ ...site, by: bob }, Effect.void)
      yield* Effect.forEach(own, ({ fiber }) => Fiber.interrupt(fiber), { discard: true })
      expect(yield* state).toMatchObject({ running: 0, waiting: 0 })
    }).pipe(Effect.provide(guard({})))
  )

  it.effect("with a share of 1 one principal may take all slots of a tool", () =>
    Effect.gen(function* () {
      const site: Wanted = { name: "site", concurrency: 4, timeLimit: "1 hour" }
      yield* Effect.replicateEffect(held({ ...site, by: alice }), 5)
      expect(yield* state).toMatchObject({ running: 4, waiting: 1 })
    }).pipe(Effect.provide(guard({ concurrency: { share: 1 } })))
  )

  it.effect("a call queued for its principal's slots holds no slot of the tool", () =>
    Effect.gen(function* () {
      const single: Wanted = { name: "single", concurrency: 1 }
      yield* Effect.replicateEffect(held({ by: alice }), 2)
      yield* Effect.forkChild(protect({ ...single, by: alice }, Effect.void), { startImmediately: true })
      yield* protect({ ...single, by: bob }, Effect.void)
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("slots are released however a call ends, including a time-out", () =>
    Effect.gen(function* () {
      const ends = [Effect.void, Effect.fail(away), Effect.die("broken"), Effect.interrupt]
      for (const end of ends) {
        yield* Effect.exit(protect({}, end))
        yield* Effect.exit(protect({}, Effect.andThen(Effect.yieldNow, end)))
      }
      const slow = yield* held({ timeLimit: "1 second" })
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(Fiber.join(slow.fiber))).toMatchObject({ _tag: "TimedOut" })
      expect(yield* state).toMatchObject(idle)
    }).pipe(Effect.provide(guard(limits)))
  )
})

describe("cached results", () => {
  /** Counts its runs. */
  const counter = () => {
    let ran = 0
    return Effect.sync(() => ++ran)
  }
  const among = (each: "everybody" | "scopes" | "principal"): Wanted => ({
    cache: { ttl: "1 minute", among: each }
  })

  it.effect("a result is cached for its TTL by equal arguments", () =>
    Effect.gen(function* () {
      const self = counter()
      const ask = (args: unknown) => protect({ ...among("everybody"), args }, self)
      expect(yield* ask({ a: 1, b: { c: 2, d: 3 } })).toBe(1)
      expect(yield* ask({ b: { d: 3, c: 2 }, a: 1 })).toBe(1)
      expect(yield* ask({ a: 1 })).toBe(2)
      yield* TestClock.adjust("59999 millis")
      expect(yield* ask({ a: 1 })).toBe(2)
      yield* TestClock.adjust("1 millis")
      expect(yield* ask({ a: 1 })).toBe(3)
      expect(yield* state).toMatchObject({ cached: 2 })
    }).pipe(Effect.provide(guard()))
  )

  it.effect("results are shared within the scope that the tool declares", () =>
    Effect.gen(function* () {
      const others = [
        bob,
        person("carol", undefined, ["call", "read"]),
        person("dave", undefined, ["read", "call"]),
        alice
      ]
      const ask = Effect.fnUntraced(function* (wanted: Wanted) {
        const self = counter()
        const answers: Array<number> = []
        for (const by of [alice, ...others]) answers.push(yield* protect({ ...wanted, by }, self))
        return answers
      })
      expect(yield* ask({ ...among("everybody"), name: "a" })).toEqual([1, 1, 1, 1, 1])
      expect(yield* ask({ ...among("scopes"), name: "b" })).toEqual([1, 1, 2, 2, 1])
      expect(yield* ask({ ...among("principal"), name: "c" })).toEqual([1, 2, 3, 4, 1])
      const [one, two] = [person("e", undefined, ["call", "a b"]), person("e", undefined, ["call", "a", "b"])]
      const self = counter()
      expect(yield* protect({ ...among("scopes"), name: "d", by: one }, self)).toBe(1)
      expect(yield* protect({ ...among("scopes"), name: "d", by: two }, self)).toBe(2)
    }).pipe(Effect.provide(guard()))
  )

  it.effect("only successes are cached, separately for each tool", () =>
    Effect.gen(function* () {
      const wanted = among("everybody")
      for (const end of [Effect.fail("no"), Effect.die("broken"), Effect.interrupt]) {
        yield* Effect.exit(protect(wanted, end))
      }
      expect(yield* state).toMatchObject({ cached: 0 })
      expect(yield* protect(wanted, Effect.succeed("one"))).toBe("one")
      expect(yield* protect({ ...wanted, name: "other" }, Effect.succeed("other"))).toBe("other")
    }).pipe(Effect.provide(guard()))
  )

  it.effect("results of arguments that are too large to compare are not cached", () =>
    Effect.gen(function* () {
      const self = counter()
      const ask = protect({ ...among("everybody"), args: { text: "x".repeat(100_000) } }, self)
      expect([yield* ask, yield* ask]).toEqual([1, 2])
      expect(yield* state).toMatchObject({ cached: 0 })
    }).pipe(Effect.provide(guard()))
  )

  it.effect("invalidation removes cached results and those of running calls", () =>
    Effect.gen(function* () {
      const { invalidate } = yield* Guard
      const self = counter()
      const wanted = among("everybody")
      yield* protect(wanted, self)
      yield* invalidate("other")
      expect(yield* protect(wanted, self)).toBe(1)
      yield* invalidate("tool")
      expect(yield* protect(wanted, self)).toBe(2)
      yield* invalidate()
      const late = yield* Effect.forkChild(protect(wanted, Effect.andThen(Effect.sleep("1 second"), self)), {
        startImmediately: true
      })
      yield* invalidate("tool")
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(late)).toBe(3)
      expect(yield* protect(wanted, self)).toBe(4)
    }).pipe(Effect.provide(guard()))
  )

  it.effect("the operator's cache_ttl applies to one tool, to a prefix, or disables the cache", () =>
    Effect.gen(function* () {
      const ask = Effect.fnUntraced(function* (wanted: Wanted) {
        const self = counter()
        yield* protect(wanted, self)
        return yield* protect(wanted, self)
      })
      expect(yield* ask({ name: "web.fetch_url" })).toBe(1)
      expect(yield* ask({ name: "web.search", ...among("everybody") })).toBe(2)
      expect(yield* ask({ name: "webber" })).toBe(2)
    }).pipe(
      Effect.provide(
        guard({ tools: { "web.*": { cache_ttl: "1 minute" }, "web.search": { cache_ttl: "0 seconds" } } })
      )
    )
  )

  it.effect("limits of tools do not cache results of prompts, resources and completions", () =>
    Effect.gen(function* () {
      for (const kind of ["prompt", "resource", "completion"] as const) {
        const self = counter()
        expect(yield* protect({ kind }, self)).toBe(1)
        expect(yield* protect({ kind }, self)).toBe(2)
      }
    }).pipe(Effect.provide(guard({ tools: { "*": { cache_ttl: "1 minute", rate: { calls: 1 } } } })))
  )
})

describe("retries", () => {
  const limits = { retry: { attempts: 3, first_delay: "1 second" } }
  /** Number of attempts of a call that never succeeds. */
  const tried = Effect.fnUntraced(function* (wanted: Wanted) {
    let ran = 0
    const self = Effect.suspend(() => {
      ran++
      return Effect.fail(away)
    })
    const fiber = yield* Effect.forkChild(protect(wanted, self))
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.await(fiber)
    return ran
  })

  it.effect("calls are retried only if that is safe", () =>
    Effect.gen(function* () {
      expect(yield* tried({ name: "a", retry: "never", idempotent: true })).toBe(1)
      expect(yield* tried({ name: "b", retry: "idempotent", idempotent: false })).toBe(1)
      expect(yield* tried({ name: "c", retry: "idempotent", idempotent: true })).toBe(3)
      expect(yield* tried({ name: "d", retry: "always", idempotent: false })).toBe(3)
      // Same name and policy, but not idempotent.
      expect(yield* tried({ name: "c", retry: "idempotent", idempotent: false })).toBe(1)
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("a retried call counts as one failure of the circuit", () =>
    Effect.gen(function* () {
      for (let each = 0; each < 4; each++) yield* tried({ retry: "always" })
      expect((yield* state).circuits.get("tool")).toBe("closed")
      yield* tried({ retry: "always" })
      expect((yield* state).circuits.get("tool")).toBe("open")
      expect(yield* tried({ retry: "always" })).toBe(0)
      expect(yield* tried({ kind: "resource", retry: "never" })).toBe(1)
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("retries end at the time limit of the call", () =>
    Effect.gen(function* () {
      expect(yield* tried({ retry: "always", timeLimit: "500 millis" })).toBe(1)
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("retries may use the time that a progress report has added", () =>
    Effect.gen(function* () {
      let report = () => {}
      let ran = 0
      const self = Effect.gen(function* () {
        ran++
        yield* Effect.sleep("1500 millis")
        report()
        return yield* away
      })
      const follow: Wanted["follow"] = (reported) => (report = reported)
      const wanted: Wanted = { retry: "always", timeLimit: "2 seconds", follow }
      const fiber = yield* Effect.forkChild(protect(wanted, self))
      yield* TestClock.adjust("3 seconds")
      expect(ran).toBe(2)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(guard(limits)))
  )
})

describe("observers", () => {
  const limits = {
    principal: { calls: 1 },
    retry: { attempts: 3, first_delay: "1 second" },
    concurrency: { total: 1, queue: 1, queue_timeout: "1 second" },
    breaker: { failures: 1 }
  }
  const cases: Record<string, readonly [Wanted, Effect.Effect<unknown, unknown>, ReadonlyArray<string>]> = {
    "that succeeds": [{}, Effect.void, ["received", "started", "succeeded"]],
    "that fails": [{}, Effect.fail("no"), ["received", "started", "failed string"]],
    "that is retried": [
      { retry: "always" },
      Effect.fail(away),
      ["received", "started", "retried 1 Unavailable", "retried 2 Unavailable", "failed Unavailable"]
    ],
    "that takes too long": [
      { timeLimit: "1 second" },
      Effect.never,
      ["received", "started", "failed TimedOut"]
    ],
    "that has a defect": [{}, Effect.die(new TypeError("broken")), ["received", "started", "died TypeError"]],
    "that is interrupted": [{}, Effect.interrupt, ["received", "started", "interrupted"]],
    "that is suspended": [{}, Effect.die({ [suspension]: true }), ["received", "started", "suspended"]],
    "that lacks a scope": [{ by: alice, scopes: ["admin"] }, Effect.void, ["received", "refused Forbidden"]]
  }
  for (const [name, [wanted, self, words]] of Object.entries(cases)) {
    it.effect(`observers see a call ${name} once`, () =>
      Effect.gen(function* () {
        const all = yield* heard()
        const fiber = yield* Effect.forkChild(protect(wanted, self))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.await(fiber)
        expect(all).toEqual([...words])
        expect(yield* state).toMatchObject(idle)
      }).pipe(Effect.provide(guard(limits)))
    )
  }

  it.effect("observers see a call that a rate limit rejects", () =>
    Effect.gen(function* () {
      const all = yield* heard()
      yield* protect({ by: alice }, Effect.void)
      yield* Effect.exit(protect({ by: alice }, Effect.void))
      expect(all.slice(3)).toEqual(["received", "refused RateLimited"])
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("observers see a call that is served from the cache", () =>
    Effect.gen(function* () {
      const all = yield* heard()
      const wanted: Wanted = { cache: { ttl: "1 minute", among: "everybody" } }
      yield* protect(wanted, Effect.succeed(1))
      yield* protect(wanted, Effect.succeed(1))
      expect(all.slice(3)).toEqual(["received", "succeeded (cached)"])
    }).pipe(Effect.provide(guard({})))
  )

  it.effect("observers see calls that time out in the queue or find it full", () =>
    Effect.gen(function* () {
      yield* held({ by: bob, timeLimit: "1 hour" })
      const all = yield* heard()
      const waiting = yield* held({ by: alice })
      yield* Effect.exit(protect({ by: person("carol") }, Effect.void))
      expect(all).toEqual(["received", "received", "refused Busy"])
      yield* TestClock.adjust("1 second")
      yield* Fiber.await(waiting.fiber)
      expect(all.slice(3)).toEqual(["refused Busy"])
    }).pipe(Effect.provide(guard(limits)))
  )

  it.effect("observers see a call that an open circuit rejects", () =>
    Effect.gen(function* () {
      const all = yield* heard()
      yield* Effect.exit(protect({ by: alice }, Effect.fail(away)))
      yield* Effect.exit(protect({ by: alice }, Effect.void))
      expect(all.slice(3)).toEqual(["received", "refused CircuitOpen"])
    }).pipe(Effect.provide(guard({ ...limits, principal: { calls: 10 } })))
  )

  it.effect("observers get the duration of a call including its time in the queue", () =>
    Effect.gen(function* () {
      const durations: Array<number> = []
      const calls = yield* Calls
      yield* calls.observe({ finished: (_, __, duration) => durations.push(duration) })
      const first = yield* held({ by: alice })
      const second = yield* held({ by: bob })
      yield* TestClock.adjust("300 millis")
      yield* first.end
      yield* TestClock.adjust("200 millis")
      yield* second.end
      expect(durations).toEqual([300, 500])
    }).pipe(Effect.provide(guard(limits)))
  )
})

describe("interruption", () => {
  const limits = {
    principal: { calls: 1_000_000 },
    total: { calls: 1_000_000 },
    concurrency: { total: 1 },
    breaker: { failures: 1, open_duration: "1 milli" }
  }
  const wanted: Wanted = { concurrency: 1, retry: "always", cache: { ttl: "1 hour", among: "everybody" } }

  /** Interrupts the call at every step, and checks that nothing is left. */
  const atEveryStep = (self: Effect.Effect<unknown, unknown>, others = 0) =>
    Effect.gen(function* () {
      let running = 0
      const counted = Effect.acquireUseRelease(
        Effect.sync(() => running++),
        () => self,
        () => Effect.sync(() => running--)
      )
      for (let steps = 0; steps < 80; steps++) {
        yield* Effect.gen(function* () {
          const { invalidate } = yield* Guard
          yield* invalidate()
          const words = yield* heard("tool")
          // Other calls run before it and end while it arrives.
          const busy = protect({ name: "other" }, Effect.repeat(Effect.yieldNow, { times: 5 }))
          const before = yield* Effect.replicateEffect(
            Effect.forkChild(busy, { startImmediately: true }),
            others
          )
          const fiber = yield* Effect.forkChild(
            Effect.provideService(protect(wanted, counted), References.MaxOpsBeforeYield, 3),
            { startImmediately: true }
          )
          for (let step = 0; step < steps; step++) yield* Effect.yieldNow
          yield* Fiber.interrupt(fiber)
          yield* Fiber.awaitAll(before)
          const told = (word: string) => words.filter((each) => each.startsWith(word)).length
          expect(words.length === 0 || words[0] === "received").toBe(true)
          const ends =
            told("interrupted") + told("succeeded") + told("failed") + told("refused") + told("died")
          expect(ends).toBe(told("received"))
          expect(told("started")).toBeLessThanOrEqual(1)
          expect(running).toBe(0)
        }).pipe(Effect.scoped)
        const { circuits, running: taken, waiting } = yield* state
        expect({ steps, taken, waiting }).toEqual({ steps, taken: 0, waiting: 0 })
        expect(circuits.get("tool")).not.toBe("half-open")
      }
    })

  it.live("an interruption at any step leaves nothing behind", () =>
    atEveryStep(Effect.never).pipe(Effect.provide(guard(limits)))
  )

  it.live("an interruption during a retry delay leaves nothing behind", () =>
    atEveryStep(Effect.fail(away)).pipe(
      Effect.provide(guard({ ...limits, breaker: { failures: 1_000_000 } }))
    )
  )

  it.live("an interruption in the queue or at the grant of a slot leaves nothing behind", () =>
    atEveryStep(Effect.void, 3).pipe(Effect.provide(guard(limits)))
  )

  it.effect("an interrupted probe lets the next call probe", () =>
    Effect.gen(function* () {
      const words = yield* heard()
      yield* Effect.exit(protect({}, Effect.fail(away)))
      yield* TestClock.adjust("1 milli")
      const probe = yield* held()
      expect(yield* Effect.flip(protect({}, Effect.void))).toMatchObject({
        _tag: "CircuitOpen",
        retryAfter: 1000
      })
      yield* Fiber.interrupt(probe.fiber)
      expect(yield* state).toMatchObject(idle)
      yield* protect({}, Effect.void)
      expect((yield* state).circuits.get("tool")).toBe("closed")
      expect(words.filter((word) => word === "interrupted")).toHaveLength(1)
    }).pipe(Effect.provide(guard({ ...limits, concurrency: { total: 2 } })))
  )
})

describe("reloads", () => {
  const files: Record<string, string> = {}
  const configured = Guard.layer.pipe(
    Layer.provide(Budget.layerUnlimited),
    Layer.provideMerge(ledger),
    Layer.provideMerge(given({ files }))
  )
  const say = (text: string) =>
    Effect.flatMap(ConfigSource, (config) => {
      files["manifold.yaml"] = text
      return config.reload
    })

  it.effect("new limits apply to the next call while running calls continue and stay counted", () => {
    files["manifold.yaml"] = "limits: { concurrency: { total: 3 } }"
    return Effect.gen(function* () {
      const all = yield* Effect.replicateEffect(held(), 3)
      const waiting = yield* held()
      expect((yield* say("limits: { concurrency: { total: 1 }, principal: { calls: 1 } }")).applied).toEqual([
        "limits"
      ])
      expect(yield* state).toMatchObject({ running: 3, waiting: 1 })
      yield* held({ by: alice })
      expect(yield* state).toMatchObject({ running: 3, waiting: 2 })
      expect(yield* Effect.flip(protect({ by: alice }, Effect.void))).toMatchObject({ max: 1 })
      for (const { end } of all) yield* end
      expect(yield* state).toMatchObject({ running: 1, waiting: 1 })
      yield* say("limits: { concurrency: { total: 2 } }")
      expect(yield* state).toMatchObject({ running: 2, waiting: 0 })
      yield* waiting.end
    }).pipe(Effect.provide(configured))
  })

  it.effect("a reload changes the limits of tools, circuit breakers and time", () => {
    files["manifold.yaml"] = ""
    return Effect.gen(function* () {
      yield* say("limits: { breaker: { failures: 1 }, tools: { slow: { time_limit: 1 second } } }")
      const slow = yield* held({ name: "slow" })
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(Fiber.join(slow.fiber))).toMatchObject({ _tag: "TimedOut", limit: 1000 })
      expect(yield* Effect.flip(protect({ name: "slow" }, Effect.void))).toMatchObject({
        _tag: "CircuitOpen"
      })
    }).pipe(Effect.provide(configured))
  })
})

it.effect("limits of many short-lived tools are evicted", () =>
  Effect.gen(function* () {
    for (let each = 0; each < 3000; each++)
      yield* protect({ name: `tool-${each}`, concurrency: 1 }, Effect.void)
    expect(yield* state).toMatchObject(idle)
  }).pipe(Effect.provide(guard()))
)

it.effect("log lines of a handler have the annotations of its caller", () =>
  Effect.gen(function* () {
    const lines: Array<unknown> = []
    const logger = Logger.make(({ fiber, message }) => {
      lines.push([message, fiber.getRef(References.CurrentLogAnnotations)])
    })
    const { protect: run } = yield* Guard
    yield* run(subject(), Effect.andThen(Effect.yieldNow, Effect.log("inside"))).pipe(
      Effect.annotateLogs({ call: "one" }),
      Effect.provide(Logger.layer([logger]))
    )
    expect(lines).toEqual([[["inside"], { call: "one" }]])
  }).pipe(Effect.provide(guard()))
)

it.effect("calls of an uninterruptible caller still end at their time limit", () =>
  Effect.gen(function* () {
    const exit = yield* Effect.forkChild(
      Effect.uninterruptible(protect({ timeLimit: "1 second" }, Effect.never))
    )
    yield* TestClock.adjust("1 second")
    expect(Exit.isFailure(yield* Fiber.await(exit))).toBe(true)
  }).pipe(Effect.provide(guard()))
)

it.effect("metered requests count under the rate limit of their principal", () =>
  Effect.gen(function* () {
    const { meter } = yield* Guard
    yield* meter(alice)
    yield* protect({ by: alice }, Effect.void)
    expect(yield* Effect.flip(meter(alice))).toMatchObject({ _tag: "RateLimited", limit: "principal" })
    expect(yield* Effect.flip(protect({ by: alice }, Effect.void))).toMatchObject({ _tag: "RateLimited" })
    yield* meter(bob)
  }).pipe(Effect.provide(guard({ principal: { calls: 2 } })))
)
