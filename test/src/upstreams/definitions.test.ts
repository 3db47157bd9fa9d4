/** Malformed definitions and results of upstream servers are rejected, and never a defect. */
import { describe, expect, test } from "bun:test"
import { Effect, Option, Result } from "effect"
import fc from "fast-check"
import type { JsonObject } from "../../../src/domain/JsonObject.ts"
import {
  canPick,
  decodePrompt,
  decodeResource,
  decodeTemplate,
  decodeTool,
  decoders,
  pickers,
  toPromptOutput,
  toReadOutput,
  toToolOutput
} from "../../../src/upstreams/definitions.ts"
import { nothing } from "../../../src/upstreams/lists.ts"

const run = (effect: Effect.Effect<unknown, unknown>) => Effect.runSync(Effect.result(effect))

describe("a definition", () => {
  const inputSchema = { type: "object" }
  const malformed: ReadonlyArray<readonly [(item: unknown) => Option.Option<unknown>, unknown]> = [
    [decodeTool, { name: "a" }],
    [decodeTool, { name: "a", inputSchema: [] }],
    [decodeTool, { name: "a", inputSchema, icons: 3 }],
    [decodeTool, { name: "a", inputSchema, annotations: { readOnlyHint: "yes" } }],
    [decodePrompt, { name: "a", arguments: "all" }],
    [decodePrompt, { name: "a", arguments: [{}] }],
    [decodeResource, { name: "a" }],
    [decodeTemplate, { name: "a", uri: "a://" }]
  ]

  test.each(malformed)("that is malformed is not decoded: %p %j", (decode, item) => {
    expect(Option.isNone(decode(item))).toBe(true)
  })

  test("is decoded without the fields that MCP does not define", () => {
    const decoded = decodeTool({ name: "a", inputSchema, outputSchema: {}, execution: {}, more: 1 })
    expect(Option.getOrUndefined(decoded)).toEqual({ name: "a", inputSchema, outputSchema: {} })
  })
})

describe("a result", () => {
  const record = fc.dictionary(
    fc.constantFrom("content", "messages", "contents", "_meta", "isError"),
    fc.jsonValue()
  )

  test("of any shape is an output or a typed failure", () => {
    fc.assert(
      fc.property(record, (result) => {
        for (const convert of [toToolOutput, toPromptOutput, toReadOutput]) {
          const converted = run(convert("entry", result))
          if (Result.isFailure(converted)) {
            expect(converted.failure).toMatchObject({ _tag: "Failed", reason: "UpstreamError" })
          }
        }
      })
    )
  })

  test("of a tool keeps its blocks, data, error flag and _meta unchanged", () => {
    const content = [
      { type: "text", text: "a", annotations: { priority: 7 }, more: true },
      { type: "resource_link", uri: "a://b", name: "b" }
    ]
    const result = { content, structuredContent: [1], isError: true, _meta: { a: 1 } }
    expect(run(toToolOutput("entry", result))).toEqual(
      Result.succeed({ content, structured: [1], isError: true, meta: { a: 1 } })
    )
  })

  test.each([
    { content: "text" },
    { content: [{ type: "text" }] },
    { content: [{ type: "video", data: "" }] }
  ])("of a tool that is malformed names the field: %j", (result) => {
    expect(run(toToolOutput("entry", result))).toMatchObject({
      _tag: "Failure",
      failure: { detail: expect.stringContaining("content") }
    })
  })
})

describe("a picked definition", () => {
  const text = fc.constantFrom("", "a", "b://c")
  const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
  /** Mostly well-formed, with fields that MCP does not define. */
  const item = fc
    .record({
      name: text,
      title: optional(text),
      uri: optional(text),
      uriTemplate: optional(text),
      inputSchema: optional(fc.dictionary(text, fc.jsonValue())),
      annotations: optional(fc.record({ readOnlyHint: fc.boolean() }, { requiredKeys: [] })),
      arguments: optional(fc.array(fc.record({ name: text, more: fc.nat() }, { requiredKeys: ["name"] }))),
      icons: optional(fc.array(fc.record({ src: text, more: fc.nat() }, { requiredKeys: ["src"] }))),
      _meta: optional(fc.dictionary(text, fc.jsonValue())),
      size: optional(fc.jsonValue()),
      execution: optional(fc.jsonValue())
    })
    // As parsed JSON, without undefined fields.
    .map((value): JsonObject => JSON.parse(JSON.stringify(value)))
  const kinds = ["tools", "prompts", "resources", "templates"] as const

  test("is the decoded one, if the lists were found to allow it", () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), item, (kind, each) => {
        // The property fails if hardly any item is allowed.
        fc.pre(canPick({ ...nothing, [kind]: [each] }))
        const picked = pickers[kind](each)
        expect(picked).toStrictEqual<typeof picked>(decoders[kind](each))
      })
    )
  })

  test.each([
    ["malformed", { name: "a" }],
    ["with an unknown field inside", { name: "a", inputSchema: {}, annotations: { more: 1 } }]
  ])("is not allowed for a definition that is %s", (_, tool) => {
    expect(canPick({ ...nothing, tools: [{ name: "good", inputSchema: {} }, tool] })).toBe(false)
  })

  test("is allowed with unknown fields at the top, which it omits", () => {
    const tool = { name: "a", inputSchema: { type: "object" }, execution: { taskSupport: "forbidden" } }
    expect(canPick({ ...nothing, tools: [tool] })).toBe(true)
    expect(Option.getOrUndefined<object>(pickers.tools(tool))).toEqual({
      name: "a",
      inputSchema: { type: "object" }
    })
  })
})
