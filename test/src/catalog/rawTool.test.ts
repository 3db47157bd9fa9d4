/** Raw JSON Schema tools: unchanged schemas, and results with `isError` as failures. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { Calls, type Outcome } from "../../../layers/ledger/Calls.ts"
import { Guard } from "../../../layers/guard/Guard.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import { Failed } from "../../../src/catalog/CatalogError.ts"
import { rawTool, type RawOutput } from "../../../src/catalog/rawTool.ts"
import { text, type Block } from "../../../src/domain/Content.ts"
import { defaults } from "../../../src/domain/Policy.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { callTool, catalog } from "../../support/callTool.ts"
import { it } from "../../support/effect.ts"

const picture: Block = { type: "image", data: "AAAA", mimeType: "image/png", _meta: { "example.com/a": 1 } }
const inputSchema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: { a: { $ref: "#/definitions/a" } },
  definitions: { a: { type: "number" } }
}

const added = (output: RawOutput) =>
  Effect.flatMap(Catalog, (entries) =>
    entries.add({ tools: [rawTool({ name: "raw", inputSchema }, () => Effect.succeed(output))] })
  )

describe("raw tools", () => {
  it.effect("a raw tool always has an object with properties as its input schema", () =>
    Effect.sync(() => {
      const inputOf = (schema: Record<string, unknown>) =>
        rawTool({ name: "raw", inputSchema: schema }, () => Effect.succeed({ content: [] })).input
      for (const schema of [{}, { type: "object" }, { type: "object", properties: null }]) {
        expect(inputOf(schema)).toEqual({ type: "object", properties: {} })
      }
      expect(inputOf(inputSchema)).toBe(inputSchema)
    })
  )

  it.effect("a raw tool keeps its schemas, hints and names and overrides the default policy", () =>
    Effect.gen(function* () {
      const outputSchema = { type: "array", items: { type: "number" } }
      const entry = rawTool(
        {
          name: "raw",
          title: "Raw",
          description: "As it comes.",
          inputSchema,
          outputSchema,
          annotations: { title: "Other title", readOnlyHint: true },
          icons: [{ src: "https://example.com/i.png" }],
          meta: { "ui/resourceUri": "ui://x" },
          policy: { timeLimit: "5 seconds" }
        },
        () => Effect.succeed({ content: [] })
      )
      yield* (yield* Catalog).add({ tools: [entry] })
      const found = yield* (yield* Catalog).tool(stdioUser, "raw")
      expect(found?.input).toBe(inputSchema)
      expect(found?.output).toBe(outputSchema)
      expect(found).toMatchObject({
        title: "Raw",
        description: "As it comes.",
        hints: { title: "Other title", readOnlyHint: true },
        icons: [{ src: "https://example.com/i.png" }],
        meta: { "ui/resourceUri": "ui://x" },
        policy: { ...defaults, timeLimit: "5 seconds" }
      })
      const rootless = rawTool({ name: "rootless", inputSchema: { properties: {} } }, () =>
        Effect.succeed({ content: [] })
      )
      expect(rootless.input).toEqual({ type: "object", properties: {} })
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a raw tool only checks that its arguments are an object", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const entry = rawTool({ name: "raw", inputSchema }, (args) =>
        Effect.sync(() => {
          seen.push(args)
          return { content: [] }
        })
      )
      yield* (yield* Catalog).add({ tools: [entry] })
      yield* callTool("raw", { a: "no number", more: [1] })
      yield* callTool("raw", undefined)
      expect(seen).toEqual([{ a: "no number", more: [1] }, {}])
      for (const wrong of [[], "x", 1, null]) {
        expect((yield* Effect.flip(callTool("raw", wrong)))._tag).toBe("InvalidArguments")
      }
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a raw tool returns any JSON value as structured content, with _meta", () =>
    Effect.gen(function* () {
      yield* added({
        content: [picture],
        structured: [1, "two", null],
        meta: { "example.com/b": 2 },
        isError: false
      })
      expect(yield* callTool("raw", {})).toEqual({
        content: [picture],
        structured: [1, "two", null],
        meta: { "example.com/b": 2 }
      })
    }).pipe(Effect.provide(catalog))
  )
})

describe("results with isError", () => {
  const failing = { content: [text("No such city."), picture], structured: { code: 7 }, isError: true }

  it.effect("a result with isError is a failure with its content and its text as detail", () =>
    Effect.gen(function* () {
      yield* added(failing)
      const error = yield* Effect.flip(callTool("raw", {}))
      expect(error).toMatchObject({ _tag: "Failed", detail: "No such city.", message: "No such city." })
      expect(error instanceof Failed ? error.output : undefined).toEqual({
        content: [text("No such city."), picture],
        structured: { code: 7 }
      })
    }).pipe(Effect.provide(catalog))
  )

  it.effect("the detail of a failure is never empty and at most 2000 characters", () =>
    Effect.gen(function* () {
      yield* added({ content: [picture], isError: true })
      expect((yield* Effect.flip(callTool("raw", {}))).message).toBe(
        "The tool failed without an error message."
      )
      const long = rawTool({ name: "long", inputSchema }, () =>
        Effect.succeed({ content: [text("x".repeat(100_000))], isError: true })
      )
      yield* (yield* Catalog).add({ tools: [long] })
      const error = yield* Effect.flip(callTool("long", {}))
      expect(error.message.length).toBe(2000)
      expect(error instanceof Failed ? error.output?.content : []).toMatchObject([
        { text: "x".repeat(100_000) }
      ])
    }).pipe(Effect.provide(catalog))
  )

  it.effect("a result with isError counts as failed and does not open the circuit breaker", () =>
    Effect.gen(function* () {
      yield* added(failing)
      const outcomes: Array<Outcome["status"]> = []
      yield* (yield* Calls).observe({ finished: (_, { status }) => outcomes.push(status) })
      for (let call = 0; call < 20; call++) yield* Effect.flip(callTool("raw", {}))
      expect(new Set(outcomes)).toEqual(new Set(["failed"]))
      expect(outcomes).toHaveLength(20)
      const { circuits } = yield* (yield* Guard).state
      expect([...circuits.values()].filter((state) => state !== "closed")).toEqual([])
    }).pipe(Effect.provide(catalog))
  )
})
