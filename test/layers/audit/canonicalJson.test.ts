/** Canonical JSON: sorted keys at every depth, whether or not the value already has them in order. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { canonicalJson } from "../../../layers/audit/canonicalJson.ts"

/** The value with the keys of all objects in another order, and what RFC 8785 says about it. */
const reordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reordered)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, reordered(inner)])
  )
}

test("the order of keys does not matter, and the text is JSON of the value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value)
      expect(canonicalJson(reordered(value))).toBe(text)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
    })
  )
})

test("keys are sorted by UTF-16 units, integers as well", () => {
  expect(canonicalJson({ a: 1, b: [{ c: null, d: "x" }] })).toBe('{"a":1,"b":[{"c":null,"d":"x"}]}')
  expect(canonicalJson({ b: { d: 1, c: 2 }, a: 0 })).toBe('{"a":0,"b":{"c":2,"d":1}}')
  expect(canonicalJson({ 9: "nine", 10: "ten" })).toBe('{"10":"ten","9":"nine"}')
  expect(canonicalJson({ "\u20ac": 1, "\r": 2, "\ud83d\ude00": 3, "\ufb33": 4 })).toBe(
    '{"\\r":2,"\u20ac":1,"\ud83d\ude00":3,"\ufb33":4}'
  )
  expect(canonicalJson(JSON.parse('{"":1,"__proto__":{"b":1,"a":2}}'))).toBe(
    '{"":1,"__proto__":{"a":2,"b":1}}'
  )
})

test("values that are not JSON have a text as well", () => {
  expect(canonicalJson(undefined)).toBe("null")
  expect(canonicalJson({ a: undefined, b: () => {}, c: Number.NaN })).toBe('{"a":null,"b":null,"c":null}')
  expect(canonicalJson([undefined, new Date(0)])).toBe("[null,{}]")
})

test("parts below a depth of 256 count as absent", () => {
  const nested = (depth: number): unknown => (depth === 0 ? { deep: 1 } : [nested(depth - 1)])
  expect(canonicalJson(nested(255))).toContain("deep")
  expect(canonicalJson(nested(300))).toBe(`${"[".repeat(257)}null${"]".repeat(257)}`)
})
