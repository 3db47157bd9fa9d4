/** URI templates: matching, and linear time. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { compile } from "../../../src/catalog/matchUriTemplate.ts"

test("a variable matches at most one path segment and is percent-decoded", () => {
  const match = compile("a://x/{id}/y-{part}.txt")
  expect(match("a://x/1/y-2.txt")).toEqual({ id: "1", part: "2" })
  expect(match("a://x/a%20b/y-%F0%9F%99%88.txt")).toEqual({ id: "a b", part: "🙈" })
  for (const no of [
    "a://x//y-2.txt",
    "a://x/1/y-.txt",
    "a://x/1/2/y-3.txt",
    "a://x/1/y-2.txtx",
    "a://x/%/y-2.txt",
    ""
  ]) {
    expect(match(no)).toBeUndefined()
  }
})

test("a template without variables matches itself", () => {
  expect(compile("a://b")("a://b")).toEqual({})
  expect(compile("a://b")("a://bc")).toBeUndefined()
})

test("values that were filled in are read back", () => {
  const segment = fc.string({ minLength: 1 }).filter((text) => text.isWellFormed())
  fc.assert(
    fc.property(segment, segment, (a, b) => {
      const encode = (text: string) => encodeURIComponent(text).replaceAll("-", "%2D")
      expect(compile("t://{a}-{b}/end")(`t://${encode(a)}-${encode(b)}/end`)).toEqual({ a, b })
    })
  )
})

test("many variables against a long URI take linear time", () => {
  const match = compile(`a://${"{v}-".repeat(50).replaceAll(/v/g, "v")}x`)
  // Quadratic or worse would not end within the test's time limit.
  expect(match(`a://${"-a".repeat(200_000)}`)).toBeUndefined()
}, 1000)
