/** Params of the catalog's methods: accepted forms, and one sentence with the path for each error. */
import { describe, expect, test } from "bun:test"
import * as params from "../../../src/mcp/decodeParams.ts"

describe("invalid params", () => {
  const cases: ReadonlyArray<readonly [string, (given: unknown) => unknown, unknown, string]> = [
    ["a tool without a name", params.call, {}, "params.name"],
    ["a name that is a number", params.call, { name: 5 }, "params.name"],
    ["arguments that are a list", params.call, { name: "x", arguments: [1] }, "params.arguments"],
    ["params that are a list", params.call, [1], "params"],
    [
      "a number as a prompt's argument",
      params.prompt,
      { name: "x", arguments: { n: 4 } },
      "params.arguments.n"
    ],
    ["a resource without a URI", params.resource, {}, "params.uri"],
    ["an unknown level", params.level, { level: "loud" }, "params.level"],
    ["a cursor that is a number", params.list, { cursor: 5 }, "params.cursor"],
    [
      "a completion without an argument",
      params.completion,
      { ref: { type: "ref/prompt", name: "x" } },
      "params.argument"
    ]
  ]
  for (const [name, decode, given, path] of cases) {
    test(`${name} is an error with the path ${path}`, () => {
      const failure = decode(given) as { code: number; message: string }
      expect(failure).toMatchObject({ code: -32602 })
      expect(failure.message).toStartWith(`Invalid params: ${path}: `)
      expect(failure.message).not.toContain("\n")
      expect(failure.message.length).toBeLessThan(300)
    })
  }
})

describe("valid params", () => {
  test("absent params are accepted if none are required", () => {
    expect(params.list(undefined)).toEqual({})
  })

  test("unknown members are ignored", () => {
    expect(params.call({ name: "x", task: {}, _meta: { "com.example/x": 1 } })).toMatchObject({ name: "x" })
  })
})
