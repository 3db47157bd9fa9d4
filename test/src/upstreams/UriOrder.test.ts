/** Which server keeps a URI that several list: by the order of the configuration, not of the connections. */
import { describe, expect } from "bun:test"
import { Effect, Scope } from "effect"
import type { Audience } from "../../../src/catalog/Audience.ts"
import { UriOrder } from "../../../src/upstreams/UriOrder.ts"
import { it } from "../../support/effect.ts"

const listing = (uris: ReadonlyArray<string>, templates: ReadonlyArray<string> = []) => ({
  tools: [],
  prompts: [],
  resources: uris.map((uri) => ({ uri })),
  templates: templates.map((uriTemplate) => ({ uriTemplate }))
})

const made = Effect.gen(function* () {
  const order = new UriOrder()
  const published: Array<string> = []
  const join = (name: string, visibleTo: Audience = "everybody") =>
    order.join({ name, visibleTo, changed: Effect.sync(() => void published.push(name)) })
  yield* order.arrange(["a", "b", "c"])
  return { order, published, join }
})

describe("a URI that several servers list", () => {
  it.effect("is kept by the first in the configuration, also if it comes later", () =>
    Effect.gen(function* () {
      const { join, published } = yield* made
      const b = yield* join("b")
      yield* b.update(listing(["x:1", "x:2"]))
      expect(b.mapping()).toBeUndefined()
      const a = yield* join("a")
      yield* a.update(listing(["x:1"]))
      expect(a.mapping()).toBeUndefined()
      expect(published).toEqual(["b"])
      expect(b.mapping()?.toServed("x:1")).toBe("x://b.upstream/1")
      expect(b.mapping()?.toServed("x:2")).toBe("x:2")
      expect(b.mapping()?.toServer("x://b.upstream/1")).toBe("x:1")
      expect(b.mapping()?.toServer("x://b.upstream/2")).toBe("x://b.upstream/2")
      // The same lists again change nothing.
      yield* a.update(listing(["x:1"]))
      expect(published).toEqual(["b"])
    })
  )

  it.effect("is mapped for every later server, and given back when the first leaves", () =>
    Effect.gen(function* () {
      const { join } = yield* made
      const scope = yield* Scope.make()
      const a = yield* Scope.provide(join("a"), scope)
      const [b, c] = [yield* join("b"), yield* join("c")]
      for (const each of [c, b, a]) yield* each.update(listing(["x:1"]))
      expect(b.mapping()?.toServed("x:1")).toBe("x://b.upstream/1")
      expect(c.mapping()?.toServed("x:1")).toBe("x://c.upstream/1")
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      expect(b.mapping()).toBeUndefined()
      expect(c.mapping()?.toServed("x:1")).toBe("x://c.upstream/1")
    })
  )

  it.effect(
    "is mapped for a server that the configuration does not have, after those that came before it",
    () =>
      Effect.gen(function* () {
        const { join, order } = yield* made
        const ada: Audience = { principal: "ada" }
        const first = yield* join("first", ada)
        const second = yield* join("second", ada)
        const other = yield* join("other", { principal: "bob" })
        yield* second.update(listing(["x:1", "x:2"]))
        yield* first.update(listing(["x:1"]))
        yield* other.update(listing(["x:1"]))
        expect([first, other].map(({ mapping }) => mapping())).toEqual([undefined, undefined])
        expect(second.mapping()?.toServed("x:1")).toBe("x://second.upstream/1")
        const c = yield* join("c", ada)
        yield* c.update(listing(["x:2", "x:1"]))
        expect(c.mapping()).toBeUndefined()
        expect(first.mapping()?.toServed("x:1")).toBe("x://first.upstream/1")
        expect(second.mapping()?.toServed("x:2")).toBe("x://second.upstream/2")
        yield* order.arrange(["c", "second"])
        expect(second.mapping()?.toServed("x:1")).toBe("x://second.upstream/1")
        expect(first.mapping()?.toServed("x:1")).toBe("x://first.upstream/1")
      })
  )

  it.effect("changes its owner with the order of the configuration", () =>
    Effect.gen(function* () {
      const { join, order, published } = yield* made
      const [a, b] = [yield* join("a"), yield* join("b")]
      yield* a.update(listing(["x:1"]))
      yield* b.update(listing(["x:1"]))
      published.length = 0
      yield* order.arrange(["b", "a"])
      expect(published.toSorted()).toEqual(["a", "b"])
      expect(a.mapping()?.toServed("x:1")).toBe("x://a.upstream/1")
      expect(b.mapping()).toBeUndefined()
    })
  )

  it.effect("depends on no account of a principal for other principals", () =>
    Effect.gen(function* () {
      const { join } = yield* made
      const ada = yield* join("a", { principal: "ada" })
      const alan = yield* join("a", { principal: "alan" })
      const b = yield* join("b")
      for (const each of [ada, alan]) yield* each.update(listing(["x:1"]))
      expect(alan.mapping()).toBeUndefined()
      yield* b.update(listing(["x:1"]))
      expect(b.mapping()).toBeUndefined()
      for (const each of [ada, alan]) expect(each.mapping()?.toServed("x:1")).toBe("x://a.upstream/1")
    })
  )
})

describe("templates", () => {
  it.effect("are mapped with all URIs that they match if an earlier server has one of these", () =>
    Effect.gen(function* () {
      const { join } = yield* made
      const [a, b, c] = [yield* join("a"), yield* join("b"), yield* join("c")]
      yield* a.update(listing(["x://t/1"]))
      yield* b.update(listing(["x://t/listed"], ["x://t/{id}", "x://u/{id}"]))
      yield* c.update(listing(["x://u/1"], ["x://v/{id}"]))
      expect(b.mapping()?.template("x://t/{id}")).toBe("x://b.upstream///t/{id}")
      expect(b.mapping()?.template("x://u/{id}")).toBe("x://u/{id}")
      expect(b.mapping()?.toServed("x://t/2")).toBe("x://b.upstream///t/2")
      expect(b.mapping()?.toServed("x://t/listed")).toBe("x://t/listed")
      expect(b.mapping()?.toServed("x://u/2")).toBe("x://u/2")
      // A resource that an earlier template matches.
      expect(c.mapping()?.toServed("x://u/1")).toBe("x://c.upstream///u/1")
      expect(c.mapping()?.template("x://v/{id}")).toBe("x://v/{id}")
    })
  )
})
