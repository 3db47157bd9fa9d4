/** Contributions: conflicts, atomic replacement, promotion, notifications. */
import { describe, expect } from "bun:test"
import { Effect, Exit, Fiber, Scope } from "effect"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import { callTool, catalog } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import { names, resource, template, tool, user } from "./entries.ts"

const reader = user("reader")

/** The kinds of the notifications so far, and whether each one concerned the reader. */
const watched = Effect.gen(function* () {
  const seen: Array<string> = []
  yield* (yield* Catalog).watch((change) => {
    seen.push(change.concerns(reader) ? change.kind : `${change.kind} of others`)
  })
  return () => seen.splice(0)
})

describe("name conflicts", () => {
  it.effect("a taken name is reported and the other entries are added", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* entries.contribute({ owner: "first", entries: { tools: [tool("a", "first")] } })
      const second = yield* entries.contribute({
        owner: "second",
        entries: { tools: [tool("a", "second"), tool("b")], resources: [resource("x://1")] }
      })
      const { conflicts } = yield* second.report
      expect(conflicts).toMatchObject([{ _tag: "NameTaken", kind: "tool", name: "a", holder: "first" }])
      expect(conflicts[0]?.message).toContain("Rename one of the two")
      expect(names(yield* entries.tools(reader))).toEqual(["a", "b"])
      expect(names(yield* entries.resources(reader))).toEqual(["x://1"])
      expect((yield* callTool("a", {})).content).toMatchObject([{ text: "first" }])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a waiting entry gets the name when its holder is removed, with one notification", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const scope = yield* Scope.make()
      yield* Scope.provide(
        entries.contribute({ owner: "first", entries: { tools: [tool("a", "first")] } }),
        scope
      )
      const waiting = yield* entries.contribute({
        owner: "second",
        entries: { tools: [tool("a", "second")] }
      })
      const announced = yield* watched
      yield* Scope.close(scope, Exit.void)
      expect((yield* callTool("a", {})).content).toMatchObject([{ text: "second" }])
      expect((yield* waiting.report).conflicts).toEqual([])
      expect(announced()).toEqual(["tools"])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a duplicate name within one contribution is reported and the first entry counts", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const contribution = yield* entries.contribute({
        owner: "twice",
        entries: { tools: [tool("a", "one"), tool("a", "two")] }
      })
      expect((yield* contribution.report).conflicts).toMatchObject([{ name: "a", holder: "twice" }])
      expect((yield* callTool("a", {})).content).toMatchObject([{ text: "one" }])
      const report = yield* contribution.replace({ tools: [tool("a", "three")] })
      expect(report.conflicts).toEqual([])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a holder keeps its name when its entry changes", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const first = yield* entries.contribute({ owner: "first", entries: { tools: [tool("a", "old")] } })
      yield* entries.contribute({ owner: "second", entries: { tools: [tool("a", "second")] } })
      yield* first.replace({ tools: [tool("a", "new")] })
      expect((yield* callTool("a", {})).content).toMatchObject([{ text: "new" }])
    }).pipe(Effect.provide(catalog))
  )
})

describe("replacement", () => {
  it.effect("a list during a replacement never has fewer entries than before or after", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const some = Array.from({ length: 20 }, (_, index) => tool(`tool${index}`))
      const more = [...some.slice(10), ...Array.from({ length: 20 }, (_, index) => tool(`other${index}`))]
      const contribution = yield* entries.contribute({ owner: "upstream", entries: { tools: some } })
      const sizes = new Set<number>()
      const lister = Effect.tap(entries.tools(reader), ({ items }) =>
        Effect.sync(() => sizes.add(items.length))
      )
      const listing = yield* Effect.forkChild(Effect.forever(Effect.andThen(lister, Effect.yieldNow)), {
        startImmediately: true
      })
      // A listener that lists sees the new entries.
      const context = yield* Effect.context<never>()
      yield* entries.watch(() => Effect.runSyncWith(context)(lister))
      for (let round = 0; round < 10; round++) {
        yield* contribution.replace({ tools: more })
        yield* Effect.yieldNow
        yield* contribution.replace({ tools: some })
        yield* Effect.yieldNow
      }
      yield* Fiber.interrupt(listing)
      expect([...sizes].toSorted()).toEqual([20, 30])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a replacement notifies once for each kind that changed", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const [a, b] = [tool("a"), tool("b")]
      const [one, all] = [resource("x://1"), template("x://{id}/y")]
      const contribution = yield* entries.contribute({
        owner: "upstream",
        entries: { tools: [a, b], resources: [one], templates: [all] }
      })
      const announced = yield* watched
      const replace = (next: Parameters<typeof contribution.replace>[0]) =>
        Effect.map(contribution.replace(next), announced)
      expect(yield* replace({ tools: [b, a], resources: [one], templates: [all] })).toEqual([])
      expect(yield* replace({ tools: [a], resources: [one], templates: [all] })).toEqual(["tools"])
      expect(yield* replace({ tools: [tool("a")], resources: [], templates: [] })).toEqual([
        "tools",
        "resources"
      ])
      expect(yield* replace({})).toEqual(["tools"])
      expect(yield* replace({})).toEqual([])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a replacement after the scope has closed adds nothing", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const contribution = yield* Effect.scoped(entries.contribute({ owner: "gone", entries: {} }))
      yield* contribution.replace({ tools: [tool("a")] })
      expect(names(yield* entries.tools(reader))).toEqual([])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a replacement invalidates cached results of changed and removed tools only", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const counts = { changing: 0, staying: 0 }
      const counting = (name: keyof typeof counts) => ({
        ...tool(name),
        policy: { ...tool(name).policy, cache: { ttl: "1 hour", among: "everybody" } as const },
        call: () => Effect.sync(() => ({ content: [], structured: ++counts[name] }))
      })
      const staying = counting("staying")
      const tools = () => [counting("changing"), staying]
      const contribution = yield* entries.contribute({ owner: "upstream", entries: { tools: tools() } })
      const results = Effect.all([callTool("changing", {}), callTool("staying", {})]).pipe(
        Effect.map((all) => all.map(({ structured }) => structured))
      )
      expect([yield* results, yield* results]).toEqual([
        [1, 1],
        [1, 1]
      ])
      yield* contribution.replace({ tools: tools() })
      expect([yield* results, yield* results]).toEqual([
        [2, 1],
        [2, 1]
      ])
    }).pipe(Effect.provide(catalog))
  )
})
