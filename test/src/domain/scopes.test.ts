/** Scopes: their OAuth names, and scopes of single tools. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { contains, covers, everyScope, fromOAuth, toOAuth } from "../../../src/domain/scopes.ts"

test("built-in scopes and those of one tool have OAuth names, others keep theirs", () => {
  for (const [oauth, scope] of [
    ["mcp:read", "read"],
    ["mcp:call:math.add", "call:math.add"],
    ["mcp:admin:*", "admin:*"],
    ["team:blue", "team:blue"],
    ["mcp:write", "mcp:write"],
    ["mcp:reader", "mcp:reader"],
    ["https://tools.example/write", "https://tools.example/write"]
  ] as const) {
    expect([oauth, fromOAuth(oauth)]).toEqual([oauth, scope])
    expect([scope, toOAuth(scope)]).toEqual([scope, oauth])
    expect(fromOAuth(scope)).toBe(scope)
  }
})

test("a scope of one tool is for that tool only", () => {
  const granted = ["read", "call:math.add", "call:web.*"]
  expect(contains(granted, "call", "math.add")).toBe(true)
  expect(contains(granted, "call", "web.fetch_url")).toBe(true)
  for (const tool of [undefined, "", "math.sub", "math.add2", "math", "web", "constructor"]) {
    expect([tool, contains(granted, "call", tool)]).toEqual([tool, false])
  }
  expect(contains(granted, "admin", "math.add")).toBe(false)
  expect(contains(granted, "read", "echo")).toBe(true)
})

test("a principal that has what a scope covers may call every tool of that scope", () => {
  const tool = fc.constantFrom("math.add", "math.sub", "math", "web.fetch_url", "*")
  const scope = fc.oneof(
    fc.constantFrom(...everyScope, "team:blue"),
    fc
      .tuple(
        fc.constantFrom(...everyScope),
        fc.constantFrom("math.add", "math.*", "m*", "*", "web.*", "math.")
      )
      .map(([base, name]) => `${base}:${name}`)
  )
  fc.assert(
    fc.property(
      fc.array(scope, { maxLength: 4 }),
      scope,
      tool,
      fc.constantFrom(...everyScope),
      (granted, asked, name, base) => {
        fc.pre(covers(granted, asked) && contains([asked], base, name))
        expect(contains(granted, base, name)).toBe(true)
      }
    )
  )
})
