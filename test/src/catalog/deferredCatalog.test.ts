/** Deferred catalog: loaded by its first request. */
import { expect } from "bun:test"
import { Deferred, Effect, Fiber } from "effect"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import type { Change } from "../../../src/catalog/Change.ts"
import * as deferredCatalog from "../../../src/catalog/deferredCatalog.ts"
import * as toolkitEntries from "../../../src/catalog/toolkitEntries.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import * as ping from "../../../src/resources/ping.ts"
import * as math from "../../../src/tools/math.ts"
import { Health } from "../../../layers/health/Health.ts"
import { catalog } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"

const given = Effect.gen(function* () {
  const real = yield* Catalog
  const made = yield* Deferred.make<Catalog["Service"]>()
  let loads = 0
  const load = Effect.suspend(() => {
    loads++
    return Effect.as(Deferred.succeed(made, real), real)
  })
  return { real, loads: () => loads, deferred: deferredCatalog.make({ load, loaded: Deferred.await(made) }) }
})

it.effect("a deferred catalog is loaded once by its first request", () =>
  Effect.gen(function* () {
    const { loads, deferred } = yield* given
    yield* deferred.updated("health://ping")
    expect(loads()).toBe(0)
    yield* deferred.add({ resources: [yield* ping.entry] })
    expect((yield* deferred.resources(stdioUser)).items.map(({ uri }) => uri)).toEqual(["health://ping"])
    expect(loads()).toBe(1)
  }).pipe(Effect.provide([catalog, Health.layer("1")]))
)

it.effect("the first request can look up a tool", () =>
  Effect.gen(function* () {
    const { deferred, real } = yield* given
    yield* real.add({ tools: yield* toolkitEntries.entries(math.toolkit) })
    expect((yield* deferred.tool(stdioUser, "math.add"))?.title).toBe("Add")
    expect(yield* deferred.tool(stdioUser, "math.mul")).toBeUndefined()
  }).pipe(Effect.provide([catalog, math.layer]))
)

it.effect("early listeners do not load the catalog and are notified after it is loaded", () =>
  Effect.gen(function* () {
    const { loads, deferred, real } = yield* given
    const heard: Array<Change> = []
    yield* deferred.watch((change) => heard.push(change))
    yield* Effect.yieldNow
    expect(loads()).toBe(0)
    const asked = yield* Effect.forkChild(deferred.tools(stdioUser))
    yield* Fiber.join(asked)
    yield* Effect.yieldNow
    yield* real.updated("health://ping")
    expect(heard).toMatchObject([{ kind: "resource", uri: "health://ping" }])
  }).pipe(Effect.provide(catalog))
)
