/** Catalog: calls, visibility, pages, resources, prompts and completions. */
import { describe, expect } from "bun:test"
import { Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { Calls, type Call } from "../../../layers/ledger/Calls.ts"
import { Progress } from "../../../layers/progress/Progress.ts"
import { Caller } from "../../../src/catalog/Caller.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import type { Change } from "../../../src/catalog/Change.ts"
import type { ToolEntry } from "../../../src/catalog/Entry.ts"
import { Icons, ParamHeaders, Shown } from "../../../src/catalog/toolkitEntries.ts"
import * as toolkitEntries from "../../../src/catalog/toolkitEntries.ts"
import { Blocks } from "../../../src/domain/Content.ts"
import { defaults, ToolPolicy } from "../../../src/domain/Policy.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import * as math from "../../../src/tools/math.ts"
import { callServices, callTool, catalog, principal } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"

const entry = (name: string, scopes: ReadonlyArray<string> = ["call"]): ToolEntry => ({
  name,
  input: { type: "object" },
  hints: {},
  policy: { ...defaults, scopes },
  call: () => Effect.succeed({ content: [] })
})

const names = (page: { readonly items: ReadonlyArray<{ readonly name: string }> }) =>
  page.items.map(({ name }) => name)

const reader = principal(["read", "call"])

describe("toolkit tools", () => {
  const layer = toolkitEntries.layer(math).pipe(Layer.provideMerge(catalog))

  it.effect("a tool returns text and structured content", () =>
    Effect.gen(function* () {
      const output = yield* callTool("math.add", { a: 2, b: 3 })
      expect(output).toEqual({ content: [{ type: "text", text: "5" }], structured: { result: 5 } })
      const less = yield* callTool("math.sub", { a: 2, b: 3 })
      expect(less.structured).toEqual({ result: -1 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("every invalid argument is reported with its path and the expected value", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(callTool("math.add", { a: "two" }))
      expect(error._tag).toBe("InvalidArguments")
      expect(error.message).toContain("a: Expected")
      expect(error.message).toContain("b: ")
    }).pipe(Effect.provide(layer))
  )

  it.effect("NaN, infinities and results that overflow are errors", () =>
    Effect.gen(function* () {
      for (const a of [Number.NaN, Number.POSITIVE_INFINITY]) {
        expect((yield* Effect.flip(callTool("math.add", { a, b: 1 })))._tag).toBe("InvalidArguments")
      }
      const error = yield* Effect.flip(callTool("math.add", { a: 1.7e308, b: 1.7e308 }))
      expect(error._tag).toBe("Failed")
      expect(error.message).toContain("too large")
    }).pipe(Effect.provide(layer))
  )

  it.effect("the arguments __proto__ and constructor are harmless", () =>
    Effect.gen(function* () {
      yield* callTool(
        "math.add",
        JSON.parse('{"a":1,"b":2,"__proto__":{"polluted":1},"constructor":{"x":1}}')
      )
      expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    }).pipe(Effect.provide(layer))
  )

  it.effect("a tool has a derived JSON Schema with titles, hints, icons and header names", () => {
    const Tagged = Tool.make("tagged", {
      parameters: Schema.Struct({ region: Schema.String, note: Schema.optionalKey(Schema.String) }),
      success: Schema.Struct({ ok: Schema.Boolean })
    })
      .annotate(Tool.Title, "Tagged")
      .annotate(Tool.Readonly, true)
      .annotate(Icons, [{ src: "https://example.com/i.png" }])
      .annotate(ParamHeaders, { region: "Region" })
    const toolkit = Toolkit.make(Tagged)
    const module = { toolkit, layer: toolkit.toLayer({ tagged: () => Effect.succeed({ ok: true }) }) }
    return Effect.gen(function* () {
      const tool = yield* (yield* Catalog).tool(reader, "tagged")
      expect(tool?.title).toBe("Tagged")
      expect(tool?.hints.readOnlyHint).toBe(true)
      expect(tool?.icons).toEqual([{ src: "https://example.com/i.png" }])
      expect(tool?.input).toMatchObject({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        required: ["region"],
        properties: { region: { type: "string", "x-mcp-header": "Region" }, note: { type: "string" } }
      })
      expect(tool?.output).toMatchObject({ type: "object", properties: { ok: { type: "boolean" } } })
    }).pipe(Effect.provide(toolkitEntries.layer(module).pipe(Layer.provideMerge(catalog))))
  })

  it.effect("a tool may return content blocks and read its caller", () => {
    const Who = Tool.make("who", { success: Blocks, dependencies: [Caller] })
    const toolkit = Toolkit.make(Who)
    const module = {
      toolkit,
      layer: toolkit.toLayer({
        who: () => Effect.map(Caller, (caller) => [{ type: "text" as const, text: caller.principal.subject }])
      })
    }
    return Effect.gen(function* () {
      expect(yield* callTool("who", {})).toEqual({ content: [{ type: "text", text: "stdio" }] })
    }).pipe(Effect.provide(toolkitEntries.layer(module).pipe(Layer.provideMerge(catalog))))
  })

  it.effect("a caller receives progress events and the end of its call", () => {
    const Work = Tool.make("work", {
      parameters: Schema.Struct({ fails: Schema.Boolean }),
      failure: Schema.String,
      dependencies: [Progress]
    })
    const toolkit = Toolkit.make(Work)
    const module = {
      toolkit,
      layer: toolkit.toLayer({
        work: ({ fails }) =>
          Progress.use(({ steps }) =>
            steps(["one", "two"]).step("one", fails ? Effect.fail("no") : Effect.void)
          )
      })
    }
    const told = Effect.fnUntraced(function* (fails: boolean) {
      const events: Array<unknown> = []
      const entries = yield* Catalog
      yield* entries.call(stdioUser, "work", { fails }).pipe(
        Effect.provideService(Caller, {
          principal: stdioUser,
          requestId: "request",
          correlationId: "correlation",
          onProgress: ({ correlation_id, event_type, request_id, tool }) =>
            events.push([event_type, tool, request_id, correlation_id])
        }),
        Effect.exit,
        Effect.provide(callServices)
      )
      return events
    })
    const of = (...types: ReadonlyArray<string>) =>
      types.map((type) => [`progress_${type}`, "work", "request", "correlation"])
    return Effect.gen(function* () {
      expect(yield* told(false)).toEqual(of("started", "update", "completed"))
      expect(yield* told(true)).toEqual(of("started", "step_failed", "failed"))
    }).pipe(Effect.provide(toolkitEntries.layer(module).pipe(Layer.provideMerge(catalog))))
  })

  it.effect("the policy of a tool overrides the defaults", () => {
    const Slow = Tool.make("slow")
      .annotate(ToolPolicy, { scopes: ["admin"], timeLimit: "5 minutes" })
      .annotate(Shown, () => "")
    const toolkit = Toolkit.make(Slow)
    const module = { toolkit, layer: toolkit.toLayer({ slow: () => Effect.void }) }
    return Effect.gen(function* () {
      const entries = yield* Catalog
      expect((yield* entries.tool(principal(["admin"]), "slow"))?.policy).toEqual({
        ...defaults,
        scopes: ["admin"],
        timeLimit: "5 minutes"
      })
    }).pipe(Effect.provide(toolkitEntries.layer(module).pipe(Layer.provideMerge(catalog))))
  })
})

describe("visibility", () => {
  it.effect(
    "entries beyond the ceiling are hidden, and those that step-up reaches are listed and forbidden",
    () =>
      Effect.gen(function* () {
        const entries = yield* Catalog
        yield* entries.add({ tools: [entry("plain"), entry("secret", ["admin"])] })
        expect(names(yield* entries.tools(reader))).toEqual(["plain"])
        const hidden = yield* Effect.flip(callTool("secret", {}, reader))
        expect(hidden._tag).toBe("NotFound")
        const stepUp = principal(["call"], ["call", "admin"])
        expect(names(yield* entries.tools(stepUp))).toEqual(["plain", "secret"])
        const refused = yield* Effect.flip(callTool("secret", {}, stepUp))
        expect(refused).toMatchObject({ _tag: "Forbidden", scopes: ["admin"] })
      }).pipe(Effect.provide(catalog))
  )

  it.effect("entries are removed with their scope and clients are notified", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const changes: Array<Change> = []
      yield* entries.watch((change) => void changes.push(change))
      const scope = yield* Scope.make()
      yield* entries.add({ tools: [entry("upstream.a")] }).pipe(Scope.provide(scope))
      expect(names(yield* entries.tools(reader))).toEqual(["upstream.a"])
      yield* Scope.close(scope, Exit.void)
      expect(names(yield* entries.tools(reader))).toEqual([])
      expect(changes.map(({ kind }) => kind)).toEqual(["tools", "tools"])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a duplicate name fails and adds nothing", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* entries.add({ tools: [entry("a")] })
      const error = yield* Effect.flip(Effect.scoped(entries.add({ tools: [entry("b"), entry("a")] })))
      expect(error).toMatchObject({ _tag: "NameTaken", kind: "tool", name: "a" })
      expect(names(yield* entries.tools(reader))).toEqual(["a"])
    }).pipe(Effect.provide(catalog))
  )
})

describe("pages", () => {
  it.effect("pages contain every entry once and in order for any page size", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 30 }),
          fc.integer({ min: 1, max: 7 }),
          (keys, pageSize) =>
            Effect.gen(function* () {
              const entries = yield* Catalog
              yield* entries.add({ tools: keys.map((key) => entry(key)) })
              const seen: Array<string> = []
              let cursor: string | undefined
              do {
                const page = yield* entries.tools(reader, cursor)
                expect(page.items.length).toBeLessThanOrEqual(pageSize)
                seen.push(...names(page))
                cursor = page.next
              } while (cursor !== undefined)
              expect(seen).toEqual(keys.toSorted((a, b) => (a < b ? -1 : 1)))
            }).pipe(
              Effect.scoped,
              Effect.provide(Layer.effect(Catalog, Catalog.make({ pageSize })).pipe(Layer.provide(catalog))),
              Effect.runPromise
            )
        ),
        { numRuns: 50 }
      )
    )
  )

  it.effect("an unknown cursor is an error", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      for (const cursor of ["", "nonsense", "MTph_", "🙈"]) {
        const error = yield* Effect.flip(entries.tools(reader, cursor))
        expect(error._tag).toBe("InvalidCursor")
      }
    }).pipe(Effect.provide(catalog))
  )
})

describe("resources, templates, prompts and completions", () => {
  const sources = {
    resources: [
      {
        uri: "test://one",
        name: "one",
        scopes: ["read"],
        read: Effect.succeed({ contents: [{ uri: "test://one", text: "1" }] })
      }
    ],
    templates: [
      {
        uriTemplate: "test://item/{id}/data",
        name: "item",
        scopes: ["read"],
        complete: {
          id: (typed: string) => Effect.succeed(["1", "12", "2"].filter((id) => id.startsWith(typed)))
        },
        read: (uri: string, { id }: Readonly<Record<string, string>>) =>
          Effect.succeed({ contents: [{ uri, text: `item ${id}` }] })
      }
    ],
    prompts: [
      {
        name: "greet",
        scopes: ["read"],
        arguments: [
          {
            name: "who",
            required: true,
            complete: () => Effect.succeed(Array.from({ length: 150 }, (_, i) => `${i}`))
          }
        ],
        get: ({ who }: Readonly<Record<string, string>>) =>
          Effect.succeed({
            messages: [{ role: "user" as const, content: { type: "text" as const, text: `Hello ${who}` } }]
          })
      }
    ]
  }
  const withSources = <A, E>(
    body: (entries: Catalog["Service"]) => Effect.Effect<A, E, Scope.Scope | Caller | Calls>
  ) =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* entries.add(sources)
      return yield* body(entries)
    }).pipe(Effect.provide(Layer.mergeAll(catalog, callServices)))

  it.effect("resources are read by URI and by template with decoded variables", () =>
    withSources((entries) =>
      Effect.gen(function* () {
        expect(yield* entries.read(reader, "test://one")).toEqual({
          contents: [{ uri: "test://one", text: "1" }]
        })
        const uri = "test://item/a%20b/data"
        expect(yield* entries.read(reader, uri)).toEqual({ contents: [{ uri, text: "item a b" }] })
        for (const unknown of [
          "test://item//data",
          "test://item/a/b/data",
          "test://item/%/data",
          "test://two"
        ]) {
          expect((yield* Effect.flip(entries.read(reader, unknown)))._tag).toBe("NotFound")
        }
      }).pipe(Effect.provide(callServices))
    )
  )

  it.effect("a prompt without a required argument is rejected and its values are not checked", () =>
    withSources((entries) =>
      Effect.gen(function* () {
        expect((yield* entries.get(reader, "greet", { who: "" })).messages).toHaveLength(1)
        const error = yield* Effect.flip(entries.get(reader, "greet", { whom: "you" }))
        expect(error).toMatchObject({
          _tag: "InvalidArguments",
          name: "greet",
          issues: [{ path: "who", message: "required, but missing" }]
        })
        const inherited = yield* Effect.flip(entries.get(reader, "greet", Object.create({ who: "you" })))
        expect(inherited._tag).toBe("InvalidArguments")
        expect((yield* Effect.flip(entries.get(principal([]), "greet", {})))._tag).toBe("NotFound")
      }).pipe(Effect.provide(callServices))
    )
  )

  it.effect("observers see the template that matched a URI", () =>
    withSources((entries) =>
      Effect.gen(function* () {
        const told: Array<Pick<Call, "name" | "template">> = []
        const { observe } = yield* Calls
        yield* observe({ received: ({ name, template }) => told.push({ name, template }) })
        yield* entries.read(reader, "test://one")
        yield* entries.read(reader, "test://item/1/data")
        expect(told).toEqual([
          { name: "test://one", template: undefined },
          { name: "test://item/1/data", template: "test://item/{id}/data" }
        ])
      }).pipe(Effect.scoped, Effect.provide(callServices))
    )
  )

  it.effect("a completion returns at most 100 values and their total number", () =>
    withSources((entries) =>
      Effect.gen(function* () {
        const ask = (target: { prompt: string } | { template: string }, argument: string, typed = "") =>
          entries.complete(reader, { target, argument, typed, given: {} })
        expect((yield* ask({ template: "test://item/{id}/data" }, "id", "1")).values).toEqual(["1", "12"])
        const many = yield* ask({ prompt: "greet" }, "who")
        expect(many.values.length).toBe(100)
        expect(many.total).toBe(150)
        expect((yield* ask({ prompt: "greet" }, "constructor")).values).toEqual([])
        expect((yield* Effect.flip(ask({ prompt: "absent" }, "who")))._tag).toBe("NotFound")
      }).pipe(Effect.provide(callServices))
    )
  )
})

describe("guarded calls", () => {
  it.effect("a new tool does not get cached results of the old tool of its name", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const answering = (answer: string): ToolEntry => ({
        ...entry("renewed"),
        policy: { ...defaults, cache: { ttl: "1 hour", among: "everybody" } },
        call: () => Effect.succeed({ content: [{ type: "text", text: answer }] })
      })
      for (const answer of ["first", "second"]) {
        const scope = yield* Scope.make()
        yield* Scope.provide(entries.add({ tools: [answering(answer)] }), scope)
        for (let each = 0; each < 2; each++) {
          expect((yield* callTool("renewed", {})).content).toEqual([{ type: "text", text: answer }])
        }
        yield* Scope.close(scope, Exit.void)
      }
    }).pipe(Effect.provide(catalog))
  )

  it.effect("errors of other libraries can be transient", () => {
    const Foreign = Tool.make("foreign", { failure: Schema.Unknown }).annotate(ToolPolicy, {
      retry: "always"
    })
    const toolkit = Toolkit.make(Foreign)
    const errors = [
      { transient: true, message: "busy" },
      { transient: null, message: "no" }
    ]
    const module = { toolkit, layer: toolkit.toLayer({ foreign: () => Effect.fail(errors.shift()) }) }
    return Effect.gen(function* () {
      const call = yield* Effect.forkChild(Effect.flip(callTool("foreign", {})))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(call)).toMatchObject({ _tag: "Failed" })
      // The first was retried, the second was not.
      expect(errors).toEqual([])
    }).pipe(Effect.provide(toolkitEntries.layer(module).pipe(Layer.provideMerge(catalog))))
  })
})
