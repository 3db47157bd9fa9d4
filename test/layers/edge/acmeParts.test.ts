/** Parts of ACME issuance: hosts that a CA can validate, delays, Retry-After, and the lease of the issuer. */
import { describe, expect, test } from "bun:test"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Random, Scope } from "effect"
import { TestClock } from "effect/testing"
import { AcmeError } from "../../../layers/edge/acme/AcmeError.ts"
import { retryAfterOf } from "../../../layers/edge/acme/acmeTransport.ts"
import { delayAfter, renewalOf } from "../../../layers/edge/acme/attempts.ts"
import { isPublicName } from "../../../layers/edge/acme/isPublicName.ts"
import * as lease from "../../../layers/edge/certificates/lease.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { onEachDatabase, sqlOf, type StorageSettings } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"

test("a public CA can validate names of two labels or more, but no wildcards, addresses and local names", () => {
  const valid = ["example.com", "a.b-c.example.co.uk", "xn--bcher-kva.example", "1.example.com"]
  const invalid = [
    "localhost",
    "a.localhost",
    "nas.local",
    "app.internal",
    "*.example.com",
    "127.0.0.1",
    "::1",
    "_a.example.com",
    "box.home.arpa"
  ]
  expect(valid.filter((name) => !isPublicName(name))).toEqual([])
  expect(invalid.filter(isPublicName)).toEqual([])
})

test("Retry-After is read in seconds and as a date, and limited to a week", () => {
  const now = Date.parse("2026-11-26T10:00:00Z")
  expect(retryAfterOf("120", now)).toBe(120_000)
  expect(retryAfterOf("Thu, 26 Nov 2026 11:00:00 GMT", now)).toBe(3_600_000)
  expect(retryAfterOf("Thu, 26 Nov 2026 09:00:00 GMT", now)).toBe(0)
  expect(retryAfterOf("99999999", now)).toBe(7 * 24 * 3_600_000)
  expect([retryAfterOf(null, now), retryAfterOf("soon", now)]).toEqual([undefined, undefined])
})

const error = (reason: AcmeError["reason"], retryAfter?: number) =>
  new AcmeError({ reason, message: "x", ...(retryAfter !== undefined && { retryAfter }) })

describe("Delays", () => {
  const minute = 60_000
  const within = (least: number) => (delay: number) => delay >= least && delay <= least * 1.1

  it.effect("double up to 12 hours, and are never shorter than Retry-After", () =>
    Effect.gen(function* () {
      const delays = yield* Effect.forEach([1, 2, 3, 7, 8, 1000], (attempts) =>
        delayAfter(attempts, error("rejected"))
      )
      const least = [10, 20, 40, 640, 720, 720]
      expect(delays.map((delay, index) => within((least[index] ?? 0) * minute)(delay))).not.toContain(false)
      expect(within(60 * minute)(yield* delayAfter(1, error("rate_limited")))).toBe(true)
      expect(within(90 * minute)(yield* delayAfter(1, error("rate_limited", 90 * minute)))).toBe(true)
      expect(within(90 * minute)(yield* delayAfter(1, error("unavailable", 90 * minute)))).toBe(true)
    })
  )

  it.effect("spread renewals", () =>
    Effect.gen(function* () {
      const times = yield* Effect.forEach(Array.from({ length: 50 }), () =>
        renewalOf({ notBefore: 1000, notAfter: 91_000 })
      ).pipe(Random.withSeed("renewals"))
      expect(times.every((time) => time > 56_400 && time <= 61_000)).toBe(true)
      expect(new Set(times).size).toBeGreaterThan(40)
    })
  )
})

onEachDatabase("The lease", (database) => {
  const program = (storage: StorageSettings) =>
    Effect.gen(function* () {
      const services = yield* Layer.build(Layer.merge(sqlOf(storage), Ids.layer))
      const made = yield* Effect.provideContext(lease.make("test"), services)
      return { run: made.run, sql: Context.get(services, Sql) }
    })

  const until = ({ read }: Sql["Service"]) =>
    Effect.map(
      read(
        (client) => client<{ readonly lease_until: number | bigint }>`SELECT lease_until FROM edge_leases`
      ),
      ([row]) => Number(row?.lease_until)
    )

  it.effect("is of one program until it ends, or has not renewed it for a minute", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const scope = yield* Scope.make()
      const one = yield* Scope.provide(program(storage), scope)
      const two = yield* program(storage)
      const begun = yield* Deferred.make<void>()
      const work = yield* Effect.forkChild(
        one.run(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
      )
      yield* Deferred.await(begun)
      expect(yield* two.run(Effect.void)).toBe(false)
      // It is renewed while the work goes on.
      for (let seconds = 15; seconds <= 120; seconds += 15) {
        yield* TestClock.adjust("15 seconds")
        yield* Effect.repeat(until(two.sql), { until: (time) => time >= (seconds + 60) * 1000 })
      }
      expect(yield* two.run(Effect.void)).toBe(false)
      yield* Fiber.interrupt(work)
      expect(yield* two.run(Effect.void)).toBe(true)
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.effect("is taken from a killed program that wrote it before the clock was set back", () =>
    Effect.gen(function* () {
      const { run, sql } = yield* program(yield* database)
      yield* sql.write(
        (client) =>
          client`INSERT INTO edge_leases (name, owner, lease_until) VALUES ('test', 'killed', ${7_200_000})`
      )
      expect(yield* run(Effect.void)).toBe(true)
    })
  )

  it.effect("interrupts the work of a program that has lost it", () =>
    Effect.gen(function* () {
      const { run, sql } = yield* program(yield* database)
      const begun = yield* Deferred.make<void>()
      const work = yield* Effect.forkChild(
        run(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
      )
      yield* Deferred.await(begun)
      yield* sql.write((client) => client`UPDATE edge_leases SET owner = 'other', lease_until = 60000`)
      yield* TestClock.adjust("20 seconds")
      expect(yield* Fiber.join(work)).toBe(true)
    })
  )
})
