/** Identifiers increase strictly, secrets do not repeat, and the test layer counts. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { Ids } from "../../../layers/platform/Ids.ts"
import { it } from "../../support/effect.ts"

it.effect("ids are UUIDs of version 7 and strictly increase, even across concurrent fibers", () =>
  Effect.gen(function* () {
    const ids = yield* Ids
    let before = ""
    for (let n = 0; n < 10_000; n++) {
      const id = n % 2 === 0 ? yield* ids.next : ids.nextUnsafe()
      expect(id > before).toBe(true)
      before = id
    }
    expect(before).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  }).pipe(Effect.provide(Ids.layer))
)

it.effect("secrets have the requested length and differ", () =>
  Effect.gen(function* () {
    const { secret } = yield* Ids
    const [a, b] = [yield* secret(32), yield* secret(32)]
    expect(a).toHaveLength(32)
    expect(a).not.toEqual(b)
  }).pipe(Effect.provide(Ids.layer))
)

it.effect("ids of the test layer count from one in each test", () =>
  Effect.gen(function* () {
    const ids = yield* Ids
    expect(yield* ids.next).toBe("00000000-0000-7000-8000-000000000001")
    expect(ids.nextUnsafe()).toBe("00000000-0000-7000-8000-000000000002")
    expect(yield* ids.secret(2)).toEqual(new Uint8Array([1, 1]))
    expect(yield* ids.secret(1)).toEqual(new Uint8Array([2]))
  }).pipe(Effect.provide(Ids.layerTest))
)
