/** JSON of lists: entries are encoded once, and each list is the same as if it were encoded as a whole. */
import { describe, expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import * as fc from "fast-check"
import { toText } from "../../../layers/transports/jsonRpc.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import type { ToolEntry } from "../../../src/catalog/Entry.ts"
import { joinJson, jsonOf, withJson } from "../../../src/domain/encodedResult.ts"
import { isFailure } from "../../../src/domain/Failure.ts"
import type { Principal } from "../../../src/domain/Principal.ts"
import { methods, type Served } from "../../../src/mcp/methods.ts"
import { Subscriptions } from "../../../src/mcp/Subscriptions.ts"
import { callServices, catalog } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"
import { resource, template, tool, user } from "../catalog/entries.ts"

const lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] as const

const listed = Effect.fnUntraced(function* (
  method: (typeof lists)[number],
  principal: Principal,
  { cursor, stateless = false }: { readonly cursor?: string; readonly stateless?: boolean } = {}
) {
  const entries = yield* Catalog
  const served: Served = {
    catalog: entries,
    subscriptions: new Subscriptions(entries, yield* Quotas),
    instance: Effect.succeed("own"),
    context: {
      inbound: { principal },
      stateless,
      meta: undefined,
      program: undefined,
      capabilities: undefined,
      gone: () => false,
      notify: () => Promise.resolve(),
      completed: () => Promise.resolve(),
      log: () => Promise.resolve()
    }
  }
  const prepared = methods[method].prepare(cursor === undefined ? {} : { cursor })
  if (isFailure(prepared)) return yield* Effect.die(new Error(prepared.message))
  const result: object = yield* prepared.run(served)
  const json = jsonOf(result)
  expect(JSON.parse(json ?? "")).toEqual(JSON.parse(JSON.stringify(result)))
  expect(toText({ jsonrpc: "2.0", id: "a\n", result: { ...result } }, () => {})).toBe(
    toText({ jsonrpc: "2.0", id: "a\n", result: withJson({}, json ?? "") }, () => {})
  )
  return JSON.parse(json ?? "") as Readonly<Record<string, unknown>>
})

const services = Layer.mergeAll(callServices, Quotas.layerOf())

const toolsOf = ({ tools }: Readonly<Record<string, unknown>>) =>
  (tools as ReadonlyArray<{ readonly name: string }>).map(({ name }) => name)

describe("the JSON of a list", () => {
  it.effect("is that of its entries, whatever they contain, in both eras and on every page", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(
            fc.tuple(fc.string({ minLength: 1, unit: "binary" }), fc.jsonValue(), fc.boolean()),
            {
              selector: ([name]) => name,
              maxLength: 12
            }
          ),
          fc.boolean(),
          (given, stateless) =>
            Effect.gen(function* () {
              const entries = yield* Catalog
              yield* entries.add({
                tools: given.map(([name, value, isObject]) => ({
                  ...tool(name),
                  description: name,
                  meta: { value },
                  input: { type: "object", default: value },
                  output: { type: isObject ? "object" : "array" }
                })),
                prompts: given.map(([name]) => ({
                  name,
                  scopes: ["call"],
                  arguments: [{ name, required: true, complete: () => Effect.succeed([]) }],
                  get: () => Effect.succeed({ messages: [] })
                })),
                resources: given.map(([name]) => ({ ...resource(name), size: 3 })),
                templates: given.map(([name]) => template(name))
              })
              const reader = user("reader")
              for (const method of lists) {
                let cursor: string | undefined
                do {
                  const page = yield* listed(method, reader, {
                    stateless,
                    ...(cursor !== undefined && { cursor })
                  })
                  cursor = page.nextCursor as string | undefined
                } while (cursor !== undefined)
              }
            }).pipe(
              Effect.provide([
                Layer.effect(Catalog, Catalog.make({ pageSize: 5 })).pipe(Layer.provide(catalog)),
                services
              ]),
              Effect.scoped,
              Effect.runPromise
            )
        ),
        { numRuns: 50 }
      )
    )
  )

  it.effect("has an output schema that is no object only since 2026-07-28", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      yield* entries.add({ tools: [{ ...tool("rows"), output: { type: "array" } }] })
      const reader = user("reader")
      expect((yield* listed("tools/list", reader)).tools).not.toMatchObject([{ outputSchema: {} }])
      expect((yield* listed("tools/list", reader, { stateless: true })).tools).toMatchObject([
        { outputSchema: { type: "array" } }
      ])
    }).pipe(Effect.provide([catalog, services]))
  )

  it.effect("has the entries of its principal, and those of now", () =>
    Effect.gen(function* () {
      const entries = yield* Catalog
      const [anna, ben] = [user("anna"), user("ben")]
      const one: ToolEntry = { ...tool("one"), description: "before" }
      const shared = yield* entries.contribute({ owner: "shared", entries: { tools: [one, tool("two")] } })
      yield* entries.contribute({
        owner: "annas",
        visibleTo: { principal: anna.key },
        entries: { tools: [tool("own")] }
      })
      expect(toolsOf(yield* listed("tools/list", anna))).toEqual(["one", "own", "two"])
      expect(toolsOf(yield* listed("tools/list", ben))).toEqual(["one", "two"])
      yield* shared.replace({ tools: [{ ...one, description: "after" }] })
      expect((yield* listed("tools/list", ben)).tools).toMatchObject([{ name: "one", description: "after" }])
      expect(toolsOf(yield* listed("tools/list", anna))).toEqual(["one", "own"])
      expect(toolsOf(yield* listed("tools/list", user("other", ["read"])))).toEqual([])
    }).pipe(Effect.provide([catalog, services]))
  )
})

test("members are added to the JSON of an object", () => {
  expect(joinJson('{"a":1}', {})).toBe('{"a":1}')
  expect(joinJson('{"a":1}', { b: undefined })).toBe('{"a":1}')
  expect(joinJson('{"a":1}', { b: "}", c: [2] })).toBe('{"a":1,"b":"}","c":[2]}')
})
