/** Audiences: an entry exists only for its principals, in every request and every notification. */
import { describe, expect } from "bun:test"
import { Effect, type Scope } from "effect"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import type { CallError } from "../../../src/catalog/CatalogError.ts"
import type { CallerServices } from "../../../src/catalog/Entry.ts"
import type { Change } from "../../../src/catalog/Change.ts"
import { callServices, callTool, catalog } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import { names, resource, template, tool, user } from "./entries.ts"

const anna = user("anna")
const ben = user("ben")
const team = user("carol", ["read", "call", "team"])

const contribute = (
  owner: string,
  visibleTo: { principal: string } | { scopes: Array<string> },
  says = owner
) =>
  Effect.flatMap(Catalog, (entries) =>
    entries.contribute({
      owner,
      visibleTo,
      entries: {
        tools: [tool("search", says)],
        resources: [resource("mail://inbox")],
        templates: [template("mail://{id}/body")],
        prompts: [
          {
            name: "draft",
            scopes: ["call"],
            arguments: [],
            get: () => Effect.succeed({ description: says, messages: [] })
          }
        ]
      }
    })
  )

describe("private entries", () => {
  it.effect("private entries of two principals may have the same name", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const annas = yield* contribute("annas", { principal: anna.key })
      const bens = yield* contribute("bens", { principal: ben.key })
      expect([yield* annas.report, yield* bens.report]).toEqual([{ conflicts: [] }, { conflicts: [] }])
      for (const [principal, says] of [
        [anna, "annas"],
        [ben, "bens"]
      ] as const) {
        expect(names(yield* entries.tools(principal))).toEqual(["search"])
        expect((yield* callTool("search", {}, principal)).content).toMatchObject([{ text: says }])
        expect((yield* entries.get(principal, "draft", {})).description).toBe(says)
      }
    }).pipe(Effect.provide([catalog, callServices]))
  )

  it.effect("private entries are unknown to other principals, never forbidden", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* contribute("annas", { principal: anna.key })
      const stranger = user("ben", [], ["read", "call", "admin"])
      expect(yield* entries.tool(stranger, "search")).toBeUndefined()
      for (const listing of [entries.tools, entries.prompts, entries.resources, entries.templates]) {
        const { items } = yield* listing(stranger)
        expect(items).toHaveLength(0)
      }
      const complete = (target: { prompt: string } | { template: string }) =>
        entries.complete(stranger, { target, argument: "id", typed: "", given: {} })
      const requests = [
        entries.call(stranger, "search", {}),
        entries.get(stranger, "draft", {}),
        entries.read(stranger, "mail://inbox"),
        entries.read(stranger, "mail://1/body"),
        entries.subscribe(stranger, "mail://inbox"),
        entries.subscribe(stranger, "mail://1/body"),
        complete({ prompt: "draft" }),
        complete({ template: "mail://{id}/body" })
      ]
      for (const request of requests) {
        expect((yield* Effect.flip<unknown, CallError, CallerServices | Scope.Scope>(request))._tag).toBe(
          "NotFound"
        )
      }
    }).pipe(Effect.provide([catalog, callServices]))
  )

  it.effect("private and public entries of one name conflict and the second one waits", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* entries.add({ tools: [tool("search", "shared")] })
      const annas = yield* contribute("annas", { principal: anna.key })
      expect((yield* annas.report).conflicts).toMatchObject([{ name: "search", holder: "manifold" }])
      expect((yield* callTool("search", {}, anna)).content).toMatchObject([{ text: "shared" }])
      const shared = yield* entries.contribute({
        owner: "upstream",
        entries: { resources: [resource("mail://inbox")] }
      })
      expect((yield* shared.report).conflicts).toMatchObject([{ name: "mail://inbox", holder: "annas" }])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("private tools share no cached results", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      for (const principal of [anna, ben]) {
        const own = tool("secret", principal.subject)
        const cached = {
          ...own,
          policy: { ...own.policy, cache: { ttl: "1 hour", among: "everybody" } as const }
        }
        yield* entries.contribute({
          owner: principal.subject,
          visibleTo: { principal: principal.key },
          entries: { tools: [cached] }
        })
      }
      for (const principal of [anna, ben, anna]) {
        const { content } = yield* callTool("secret", {}, principal)
        expect(content).toMatchObject([{ text: principal.subject }])
      }
    }).pipe(Effect.provide(catalog))
  )
})

describe("entries for scopes", () => {
  it.effect("entries for a scope exist for its holders only, and their names are taken for all", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* contribute("teams", { scopes: ["team"] })
      expect(names(yield* entries.tools(team))).toEqual(["search"])
      expect(names(yield* entries.tools(anna))).toEqual([])
      // Being able to obtain the scope is not enough.
      const candidate = user("dora", ["call"], ["call", "team"])
      expect((yield* Effect.flip(callTool("search", {}, candidate)))._tag).toBe("NotFound")
      const annas = yield* contribute("annas", { principal: anna.key })
      expect((yield* annas.report).conflicts.map(({ kind }) => kind)).toEqual([
        "tool",
        "prompt",
        "resource",
        "resource template"
      ])
    }).pipe(Effect.provide(catalog))
  )
})

describe("notifications", () => {
  const concerned = Effect.gen(function* () {
    const changes: Array<Change> = []
    yield* (yield* Catalog).watch((change) => void changes.push(change))
    return () => {
      const of = changes.splice(0)
      return [anna, ben, team].map(({ subject }, index) =>
        of.some((change) => change.concerns([anna, ben, team][index] ?? anna)) ? subject : "-"
      )
    }
  })

  it.effect("a list notification concerns the principals that can see a changed entry", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const now = yield* concerned
      yield* entries.contribute({
        owner: "a",
        visibleTo: { principal: anna.key },
        entries: { tools: [tool("a")] }
      })
      expect(now()).toEqual(["anna", "-", "-"])
      yield* entries.contribute({
        owner: "t",
        visibleTo: { scopes: ["team"] },
        entries: { tools: [tool("t")] }
      })
      expect(now()).toEqual(["-", "-", "carol"])
      const open = yield* entries.contribute({ owner: "o", entries: { tools: [tool("o")] } })
      expect(now()).toEqual(["anna", "ben", "carol"])
      // Entries with scopes that a principal cannot obtain were never in its list.
      yield* open.replace({ tools: [tool("o", "", ["team"])] })
      expect(now()).toEqual(["anna", "ben", "carol"])
      yield* open.replace({ tools: [tool("o", "new", ["team"])] })
      expect(now()).toEqual(["-", "-", "carol"])
      yield* entries.contribute({ owner: "w", entries: { tools: [tool("o")] } })
      expect(now()).toEqual(["-", "-", "-"])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a resource notification concerns the principals that can see that owner's resource", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const annas = yield* contribute("annas", { principal: anna.key })
      yield* contribute("bens", { principal: ben.key })
      yield* entries.add({ resources: [resource("team://plan", ["team"])] })
      const now = yield* concerned
      yield* annas.updated("mail://inbox")
      expect(now()).toEqual(["anna", "-", "-"])
      yield* annas.updated("mail://7/body")
      expect(now()).toEqual(["anna", "-", "-"])
      yield* entries.updated("mail://7/body")
      expect(now()).toEqual(["anna", "ben", "-"])
      yield* entries.updated("team://plan")
      expect(now()).toEqual(["-", "-", "carol"])
      yield* entries.updated("mail://unknown")
      expect(now()).toEqual(["-", "-", "-"])
      yield* entries.changed("prompts")
      expect(now()).toEqual(["anna", "ben", "-"])
    }).pipe(Effect.provide(catalog))
  )
})

describe("subscriptions", () => {
  it.effect("a subscription requires the scopes of the resource or the matching template", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* entries.add({
        resources: [resource("x://open"), resource("x://closed", ["admin"])],
        templates: [template("y://{id}/data", ["admin"])]
      })
      yield* entries.subscribe(anna, "x://open")
      const candidate = user("eve", ["read"], ["read", "admin"])
      for (const uri of ["x://closed", "y://1/data"]) {
        expect((yield* Effect.flip(entries.subscribe(anna, uri)))._tag).toBe("NotFound")
        expect(yield* Effect.flip(entries.subscribe(candidate, uri))).toMatchObject({
          _tag: "Forbidden",
          name: uri,
          scopes: ["admin"]
        })
      }
      expect((yield* Effect.flip(entries.subscribe(anna, "x://unknown")))._tag).toBe("NotFound")
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a subscription watches the source until its scope closes", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const open: Array<string> = []
      const watch = (what: string) =>
        Effect.acquireRelease(
          Effect.sync(() => void open.push(what)),
          () => Effect.sync(() => open.splice(open.indexOf(what), 1))
        )
      yield* entries.add({
        resources: [{ ...resource("x://1"), subscribe: ({ subject }) => watch(`x://1 for ${subject}`) }],
        templates: [
          {
            ...template("y://{id}/data"),
            subscribe: (uri, { id }, { subject }) => watch(`${uri} ${id} for ${subject}`)
          }
        ]
      })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* entries.subscribe(anna, "x://1")
          yield* entries.subscribe(ben, "y://7/data")
          expect(open).toEqual(["x://1 for anna", "y://7/data 7 for ben"])
        })
      )
      expect(open).toEqual([])
    }).pipe(Effect.provide(catalog))
  )
})
