/** A catalog that is made by the first who asks it. */
import { expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { Catalog, type Change } from "../../../src/catalog/Catalog.ts"
import * as postponed from "../../../src/catalog/postponed.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import * as ping from "../../../src/resources/ping.ts"
import { Health } from "../../../layers/health/Health.ts"
import { catalog } from "../../support/call.ts"
import { it } from "../../support/effect.ts"

const given = Effect.gen(function* () {
  const real = yield* Catalog
  const made = yield* Deferred.make<Catalog["Service"]>()
  let loads = 0
  const load = Effect.suspend(() => {
    loads++
    return Effect.as(Deferred.succeed(made, real), real)
  })
  return { real, loads: () => loads, postponed: postponed.make({ load, loaded: Deferred.await(made) }) }
})

it.effect("is made by the first question, and asked directly from then on", () =>
  Effect.gen(function* () {
    const { loads, postponed: lazy } = yield* given
    expect(lazy.tool(stdioUser, "echo")).toBeUndefined()
    yield* lazy.updated("health://ping")
    expect(loads()).toBe(0)
    yield* lazy.add({ resources: [yield* ping.entry] })
    expect((yield* lazy.resources(stdioUser)).items.map(({ uri }) => uri)).toEqual(["health://ping"])
    expect(loads()).toBe(1)
  }).pipe(Effect.provide([catalog, Health.layer("1")]))
)

it.effect("tells those who watched before it was made, without being made for them", () =>
  Effect.gen(function* () {
    const { loads, postponed: lazy, real } = yield* given
    const heard: Array<Change> = []
    yield* lazy.watch((change) => heard.push(change))
    yield* Effect.yieldNow
    expect(loads()).toBe(0)
    const asked = yield* Effect.forkChild(lazy.tools(stdioUser))
    yield* Fiber.join(asked)
    yield* Effect.yieldNow
    yield* real.updated("health://ping")
    expect(heard).toEqual([{ kind: "resource", uri: "health://ping" }])
  }).pipe(Effect.provide(catalog))
)
