/** Keys of the OAuth server: generated once, announced before they are used, replaced, and damaged rows. */
import { expect } from "bun:test"
import { Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as keys from "../../../../layers/identity/oauth/keys.ts"
import * as sealings from "../../../../layers/storage/sealing.ts"
import { Sql } from "../../../../layers/storage/Sql.ts"
import { onEachDatabase, sqlOf } from "../../../support/databases.ts"
import { it } from "../../../support/effect.ts"

const secret = (byte: number) => Redacted.make(new Uint8Array(32).fill(byte))
const read = (byte = 1) =>
  Effect.gen(function* () {
    const sealing = yield* sealings.make(secret(byte))
    return yield* (yield* keys.make(sealing)).read
  })

onEachDatabase("keys of the OAuth server", (database) => {
  it.effect("a new key is published an hour before it signs, and the old one is kept", () =>
    Effect.gen(function* () {
      const storage = yield* database
      yield* Effect.gen(function* () {
        const first = yield* read()
        expect([first.signing.length, first.cookies.length]).toEqual([1, 1])
        expect(yield* read()).toEqual(first)
        yield* TestClock.adjust("30 days")
        const announced = yield* read()
        expect(announced.signing.map(({ kid }) => kid)[0]).toBe(first.signing[0]?.kid ?? "")
        expect([announced.signing.length, announced.cookies.length]).toEqual([2, 2])
        expect(announced.version).not.toBe(first.version)
        yield* TestClock.adjust("1 hour")
        const replaced = yield* read()
        expect(replaced.signing[0]?.kid).toBe(announced.signing[1]?.kid ?? "")
        expect(replaced.cookies).toEqual(announced.cookies.toReversed())
        yield* TestClock.adjust("61 days")
        expect((yield* read()).signing.map(({ kid }) => kid)).not.toContain(first.signing[0]?.kid ?? "")
      }).pipe(Effect.provide(sqlOf(storage)))
    })
  )

  it.effect("a key that one instance replaces is used by another from the same moment", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const one = yield* Layer.build(sqlOf(storage))
      const two = yield* Layer.build(sqlOf(storage))
      const both = Effect.all([Effect.provideContext(read(), one), Effect.provideContext(read(), two)])
      for (const wait of ["0 seconds", "30 days", "1 hour"] as const) {
        yield* TestClock.adjust(wait)
        const [mine, other] = yield* both
        expect(other).toEqual(mine)
        expect(mine.signing).toHaveLength(wait === "0 seconds" ? 1 : 2)
      }
    })
  )

  it.effect("rows are encrypted, and unreadable under another key or in the place of another row", () =>
    Effect.gen(function* () {
      const storage = yield* database
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("1 day")
        const { cookies, signing } = yield* read()
        const { read: query, write } = yield* Sql
        const rows = JSON.stringify(yield* query((sql) => sql`SELECT * FROM oauth_keys`), (_, value) =>
          typeof value === "bigint" ? Number(value) : value
        )
        for (const text of [cookies[0] ?? "none", String(signing[0]?.d)]) expect(rows).not.toContain(text)
        const other = yield* Effect.flip(read(2))
        expect(other).toMatchObject({ _tag: "KeysUnreadable" })
        expect(other.message).toContain("auth.oauth.secret")
        yield* write(
          (sql) =>
            sql`UPDATE oauth_keys SET sealed = (SELECT sealed FROM oauth_keys WHERE purpose = 'cookies')`
        )
        expect(yield* Effect.flip(read())).toMatchObject({ _tag: "KeysUnreadable" })
      }).pipe(Effect.provide(sqlOf(storage)))
    })
  )
})
