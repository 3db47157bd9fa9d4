/** Edits of JSON with comments: the rest of the text is unchanged, in any style. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { parse } from "jsonc-parser"
import { load } from "../../../layers/clients/jsonc.ts"

const { duplicate, fault, get, put, remove } = await load()
const entry = { command: "/opt/manifold", args: ["serve"], env: { A: "1" } }

const key = fc.stringMatching(/^[a-zA-Z "\\]{1,8}$/)
const server = fc.oneof(
  fc.record({ command: fc.string(), args: fc.array(fc.string(), { maxLength: 3 }) }),
  fc.jsonValue({ maxDepth: 1 })
)
/** A client's file with at least one server, in a style that editors produce. */
const file = fc
  .record({
    before: fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3, noNullPrototype: true }),
    servers: fc.dictionary(key, server, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    after: fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3, noNullPrototype: true }),
    indent: fc.constantFrom("", "  ", "    ", "\t"),
    eol: fc.constantFrom("\n", "\r\n"),
    end: fc.constantFrom("", "\n", "\n\n")
  })
  .map(({ after, before, end, eol, indent, servers }) => {
    const value = { ...before, mcpServers: servers, ...after, mcpServers2: 1 }
    const text = JSON.stringify(value, null, indent)
    // As JSON represents it: without -0.
    return { value: JSON.parse(text) as typeof value, text: (text + end).replaceAll("\n", eol) }
  })

describe("any file", () => {
  test("is unchanged except for an added entry, and restored by its removal", () => {
    fc.assert(
      fc.property(file, ({ text, value }) => {
        const added = put(text, ["mcpServers", "manifold"], entry)
        expect(JSON.parse(added)).toEqual({ ...value, mcpServers: { ...value.mcpServers, manifold: entry } })
        expect(remove(added, ["mcpServers", "manifold"])).toBe(text)
      }),
      { numRuns: 300 }
    )
  })

  test("keeps its style", () => {
    fc.assert(
      fc.property(file, ({ text }) => {
        const added = put(text, ["mcpServers", "manifold"], entry)
        if (text.includes("\r\n")) expect(added.replaceAll("\r\n", "")).not.toContain("\n")
        else expect(added).not.toContain("\r")
        expect(added.includes("\n")).toBe(text.includes("\n"))
      })
    )
  })

  test("can have one value of an entry replaced", () => {
    fc.assert(
      fc.property(file, fc.string(), ({ text, value }, command) => {
        const once = put(text, ["mcpServers", "manifold"], entry)
        const twice = put(once, ["mcpServers", "manifold", "command"], command)
        expect(JSON.parse(twice)).toEqual({
          ...value,
          mcpServers: { ...value.mcpServers, manifold: { ...entry, command } }
        })
        expect(put(twice, ["mcpServers", "manifold", "command"], entry.command)).toBe(once)
      })
    )
  })

  test("can have any server removed, and stays JSON", () => {
    fc.assert(
      fc.property(file, fc.nat(), ({ text, value }, pick) => {
        const names = Object.keys(value.mcpServers)
        const name = names[pick % names.length] ?? ""
        const { [name]: _, ...rest } = value.mcpServers
        expect(JSON.parse(remove(text, ["mcpServers", name]))).toEqual({ ...value, mcpServers: rest })
      })
    )
  })
})

describe("comments and trailing commas", () => {
  const text = `{
  // The servers of this machine.
  "servers": {
    "github": { "type": "http", "url": "https://example.com/mcp" }, // remote
    /* local */
    "files": {
      "command": "npx", // slow
    },
    // more to come
  },
  "inputs": [],
}
`
  test("stay in place", () => {
    const added = put(text, ["servers", "manifold"], { command: "m" })
    expect(added).toBe(
      text.replace(
        "    // more to come\n",
        '    // more to come\n    "manifold": {\n      "command": "m"\n    },\n'
      )
    )
    expect(remove(added, ["servers", "manifold"])).toBe(text)
  })

  test("do not swallow added text", () => {
    const added = put('{ "a": 1 // one\n}', ["servers", "m"], {})
    expect(parse(added)).toEqual({ a: 1, servers: { m: {} } })
    expect(added).toContain('"a": 1, // one\n')
  })

  test("of the neighbors of a removed entry are unchanged", () => {
    expect(remove(text, ["servers", "github"])).toContain('"servers": { // remote\n    /* local */\n')
    expect(parse(remove(text, ["servers", "files"]))).toEqual({
      servers: { github: { type: "http", url: "https://example.com/mcp" } },
      inputs: []
    })
  })
})

test.each([
  "",
  "  \n",
  "{}",
  "{ }",
  "{\n}\n",
  "// nothing yet\n",
  '{"mcpServers":{}}',
  '{\n  "mcpServers": {}\n}\n'
])("%j becomes a file with the entry", (text) => {
  expect(parse(put(text, ["mcpServers", "manifold"], entry))).toEqual({ mcpServers: { manifold: entry } })
})

test("removing a missing entry changes nothing", () => {
  expect(remove('{ "mcpServers": { "a": 1 } }', ["mcpServers", "b"])).toBe('{ "mcpServers": { "a": 1 } }')
  expect(remove("", ["mcpServers", "b"])).toBe("")
  expect(get('{"a": 1}', ["mcpServers", "b"])).toBeUndefined()
})

test.each([
  ['{\n  "a": 1,\n  b\n}', "3:3"],
  ['{"a": 1', "1:8"],
  ["{'a': 1}", "1:2"],
  ['{"a": 1}x', "1:9"]
])("%j is invalid JSON at %s", (text, at) => {
  expect(fault(text, false)?.at).toBe(at)
  expect(fault(text, true)?.at).toBe(at)
})

test("a text nested deeper than the parser allows is a syntax error", () => {
  const text = "[".repeat(100_000) + "]".repeat(100_000)
  expect(fault(text, true)).toEqual({ at: "1:1", message: "nested too deeply" })
})

test("comments and trailing commas are syntax errors for clients that do not accept them", () => {
  expect(fault('{\n  // no\n  "a": 1\n}', false)).toEqual({
    at: "2:3",
    message: "comments are not allowed in JSON"
  })
  expect(fault('{"a": 1,}', false)?.at).toBe("1:9")
  expect(fault('{"a": 1, /* yes */}', true)).toBeUndefined()
})

test("a duplicate key is found", () => {
  expect(duplicate('{\n"a": {}, "a": {"b": 1}}', ["a", "b"])?.at).toBe("2:10")
  expect(duplicate('{"a": {"b": 1}}', ["a", "b"])).toBeUndefined()
})
