/** Entry tables against a naive model, and the lazily sorted index. */
import { describe, expect } from "bun:test"
import { Effect, Exit, Scope } from "effect"
import fc from "fast-check"
import type { Audience } from "../../../src/catalog/Audience.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import type { Contribution } from "../../../src/catalog/Contribution.ts"
import type { ToolEntry } from "../../../src/catalog/Entry.ts"
import { SortedIndex } from "../../../src/catalog/SortedIndex.ts"
import { catalog } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import { tool, user } from "./entries.ts"

describe("the sorted index", () => {
  const key = (value: string) => ({ key: value })

  it.effect("the index sorts once at the next read after changes", () =>
    Effect.sync(() => {
      const index = new SortedIndex<{ key: string }>()
      for (const letter of "dbca") index.set(key(letter))
      const { sorted } = index
      expect(sorted.map((item) => item.key).join("")).toBe("abcd")
      expect(index.sorted).toBe(sorted)
      index.delete("absent")
      expect(index.sorted).toBe(sorted)
      index.delete("b")
      expect(index.sorted.map((item) => item.key).join("")).toBe("acd")
    })
  )

  it.effect("the index finds the position after any key, present or not", () =>
    Effect.sync(() => {
      fc.assert(
        fc.property(
          fc.uniqueArray(fc.string({ maxLength: 3 })),
          fc.string({ maxLength: 3 }),
          (keys, after) => {
            const index = new SortedIndex<{ key: string }>()
            for (const each of keys) index.set(key(each))
            expect(index.sorted.slice(index.indexAfter(after)).map((item) => item.key)).toEqual(
              keys.filter((each) => each > after).toSorted((a, b) => (a < b ? -1 : 1))
            )
          }
        )
      )
    })
  )

  it.effect("adding many items one by one sorts once", () =>
    Effect.sync(() => {
      let reads = 0
      const counting = (value: number) => ({
        get key() {
          reads++
          return String(value)
        }
      })
      const index = new SortedIndex<{ key: string }>()
      for (let value = 0; value < 1000; value++) {
        index.set(counting(value))
        index.get(String(value))
      }
      expect(reads).toBe(1000)
      expect(index.sorted).toHaveLength(1000)
    })
  )
})

const principals = [user("anna"), user("ben", ["call", "team"]), user("carol", ["read"], ["read", "call"])]
const audiences: ReadonlyArray<Audience> = [
  "everybody",
  { scopes: ["team"] },
  ...principals.map(({ key }) => ({ principal: key }))
]

/** Naive model of the catalog: scans all claims each time. */
class Model {
  claims: Array<{ by: number; audience: Audience; entry: ToolEntry; holds: boolean }> = []

  #isFree(name: string, audience: Audience) {
    const isPrivate = (one: Audience) => typeof one === "object" && "principal" in one
    return !this.claims.some(
      (other) =>
        other.holds &&
        other.entry.name === name &&
        !(
          isPrivate(audience) &&
          isPrivate(other.audience) &&
          JSON.stringify(audience) !== JSON.stringify(other.audience)
        )
    )
  }

  replace(by: number, audience: Audience, entries: ReadonlyArray<ToolEntry>) {
    const wanted = entries.filter(
      (entry, index) => entries.findIndex(({ name }) => name === entry.name) === index
    )
    const gone = this.claims.filter(
      (claim) => claim.by === by && !wanted.some(({ name }) => name === claim.entry.name)
    )
    for (const claim of gone) {
      this.claims.splice(this.claims.indexOf(claim), 1)
      for (const waiting of this.claims) {
        if (!waiting.holds && this.#isFree(waiting.entry.name, waiting.audience)) waiting.holds = true
      }
    }
    for (const entry of wanted) {
      const claim = this.claims.find((each) => each.by === by && each.entry.name === entry.name)
      if (claim === undefined) {
        this.claims.push({ by, audience, entry, holds: this.#isFree(entry.name, audience) })
      } else claim.entry = entry
    }
  }

  conflicts(by: number) {
    return this.claims.filter((claim) => claim.by === by && !claim.holds).map(({ entry }) => entry.name)
  }

  listing(principal: (typeof principals)[number]) {
    return this.claims
      .filter(({ audience, entry, holds }) => {
        const sees =
          audience === "everybody" ||
          (typeof audience === "object" &&
            ("principal" in audience ? audience.principal === principal.key : principal.may(audience.scopes)))
        return holds && sees && principal.mayReach(entry.policy.scopes)
      })
      .map(({ entry }) => entry)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }
}

const entry = fc.record({
  name: fc.constantFrom("a", "b", "c"),
  /** Entries with the same revision are the same object. */
  revision: fc.integer({ min: 0, max: 1 }),
  scopes: fc.constantFrom(["call"], ["read"], ["admin"])
})
const command = fc.record({
  by: fc.integer({ min: 0, max: 4 }),
  audience: fc.constantFrom(...audiences),
  action: fc.constantFrom("replace", "replace", "replace", "close"),
  entries: fc.uniqueArray(entry, { maxLength: 4, selector: ({ name, revision }) => name + revision })
})

describe("contributions of several owners", () => {
  it.effect("lists and notifications match a naive model for every principal", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 25 }), (commands) =>
          Effect.gen(function* () {
            const entries = yield* Catalog
            const model = new Model()
            const objects = new Map<string, ToolEntry>()
            const open = new Map<
              number,
              { contribution: Contribution; scope: Scope.Closeable; audience: Audience }
            >()
            let concerned: Array<boolean> = []
            let announcements = 0
            yield* entries.watch((change) => {
              announcements++
              concerned = principals.map((principal) => change.concerns(principal))
            })
            for (const { action, audience, by, entries: specs } of commands) {
              const before = principals.map((principal) => model.listing(principal))
              const tools = specs.map(({ name, revision, scopes }) => {
                const id = JSON.stringify([by, name, revision, scopes])
                const found = objects.get(id) ?? tool(name, id, scopes)
                objects.set(id, found)
                return found
              })
              announcements = 0
              concerned = principals.map(() => false)
              const opened = open.get(by)
              if (action === "close") {
                if (opened !== undefined) yield* Scope.close(opened.scope, Exit.void)
                open.delete(by)
                model.replace(by, audience, [])
              } else if (opened === undefined) {
                const scope = yield* Scope.make()
                const contribution = yield* entries
                  .contribute({ owner: String(by), visibleTo: audience, entries: { tools } })
                  .pipe(Scope.provide(scope))
                open.set(by, { contribution, scope, audience })
                model.replace(by, audience, tools)
              } else {
                yield* opened.contribution.replace({ tools })
                model.replace(by, opened.audience, tools)
              }
              const after = principals.map((principal) => model.listing(principal))
              for (const [index, principal] of principals.entries()) {
                const { items } = yield* entries.tools(principal)
                expect(items).toHaveLength(after[index]?.length ?? -1)
                for (const [place, item] of items.entries()) expect(item).toBe(after[index]?.[place] as never)
                const changed =
                  after[index]?.length !== before[index]?.length ||
                  after[index]?.some((item, place) => item !== before[index]?.[place])
                expect(concerned[index]).toBe(changed === true)
              }
              expect(announcements).toBeLessThanOrEqual(1)
              for (const [owner, { contribution }] of open) {
                const { conflicts } = yield* contribution.report
                const waiting = new Set(model.conflicts(owner))
                for (const name of waiting) expect(conflicts.map((each) => each.name)).toContain(name)
              }
            }
          }).pipe(Effect.scoped, Effect.provide(catalog), Effect.runPromise)
        ),
        { numRuns: 100 }
      )
    )
  )
})

describe("aliases", () => {
  const call = (name: string, by = user("any")) =>
    Effect.flatMap(Catalog, (entries) => entries.tool(by, name)).pipe(Effect.map((found) => found?.name))

  it.effect("an alias with underscores finds the tool if it is unambiguous", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* entries.add({ tools: [tool("math.add"), tool("a.b"), tool("a/b"), tool("c.d"), tool("c_d")] })
      expect(yield* call("math_add")).toBe("math.add")
      expect(yield* call("math.add")).toBe("math.add")
      expect(yield* call("math-add")).toBeUndefined()
      expect(yield* call("math/add")).toBeUndefined()
      // The alias is ambiguous; one tool has the exact name.
      expect(yield* call("a_b")).toBeUndefined()
      expect(yield* call("c_d")).toBe("c_d")
    }).pipe(Effect.scoped, Effect.provide(catalog))
  )

  it.effect("an alias finds only visible tools and follows changes", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const mine = user("mine")
      yield* entries.add({ tools: [tool("secret.add", "", ["admin"])] })
      expect(yield* call("secret_add", user("other", ["call"]))).toBeUndefined()
      const contribution = yield* entries.contribute({
        owner: "upstream",
        entries: { tools: [tool("up.add")] },
        visibleTo: { principal: mine.key }
      })
      expect(yield* call("up_add", mine)).toBe("up.add")
      expect(yield* call("up_add", user("other"))).toBeUndefined()
      yield* contribution.replace({ tools: [] })
      expect(yield* call("up_add", mine)).toBeUndefined()
    }).pipe(Effect.scoped, Effect.provide(catalog))
  )
})
