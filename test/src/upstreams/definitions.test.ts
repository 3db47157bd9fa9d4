/** Malformed definitions and results of upstream servers are rejected, and never a defect. */
import { describe, expect, test } from "bun:test"
import { Effect, Option, Result } from "effect"
import fc from "fast-check"
import {
  decodePrompt,
  decodeResource,
  decodeTemplate,
  decodeTool,
  toPromptOutput,
  toReadOutput,
  toToolOutput
} from "../../../src/upstreams/definitions.ts"

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
