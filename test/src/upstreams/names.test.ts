/** Served names are stable, distinct, and accepted by every model provider. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { servedNames } from "../../../src/upstreams/names.ts"

const name = fc.string({ minLength: 1, maxLength: 128 })

test("every served name has 1 to 64 characters that model providers accept", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/), fc.array(name), (prefix, names) => {
      for (const served of servedNames({ prefix }, names).values()) {
        expect(served).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        expect(served.startsWith(`${prefix}__`)).toBe(true)
      }
    })
  )
})

test("different names of one server are served under different names", () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 2 }), (names) => {
      expect(new Set(servedNames({ prefix: "server" }, names).values()).size).toBe(names.length)
    })
  )
})

test("a name that needs no change does not depend on the server's other names", () => {
  expect(servedNames({ prefix: "fs" }, ["read", "a.b", "a_b"])).toEqual(
    new Map([
      ["read", "fs__read"],
      ["a.b", servedNames({ prefix: "fs" }, ["a.b", "a_b"]).get("a.b") ?? ""],
      ["a_b", "fs__a_b"]
    ])
  )
})

test("a long name keeps its end, where names of one family differ", () => {
  const served = servedNames({ prefix: "s" }, [`${"x".repeat(100)}_first`, `${"x".repeat(100)}_second`])
  expect([...served.values()].map((each) => each.slice(-7))).toEqual(["x_first", "_second"])
})

test("a name of the operator replaces the server's own, and others keep theirs", () => {
  const rename = { "search.v2": "search", toString: "text" }
  expect(servedNames({ prefix: "web", rename }, ["search.v2", "fetch", "toString", "valueOf"])).toEqual(
    new Map([
      ["search.v2", "web__search"],
      ["fetch", "web__fetch"],
      ["toString", "web__text"],
      ["valueOf", "web__valueOf"]
    ])
  )
})
