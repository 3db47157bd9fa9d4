/** Overlap of URI templates. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { compile } from "../../../src/catalog/matchUriTemplate.ts"
import { templatesOverlap } from "../../../src/catalog/templatesOverlap.ts"

test.each([
  ["test://{id}", "test://{name}", true],
  ["test://{id}/a", "test://b/{name}", true],
  ["test://a{id}", "test://{name}b", true],
  ["test://{id}", "test://fixed", true],
  ["test://same", "test://same", true],
  ["test://{id}", "test://a/b", false],
  ["test://{id}", "test://", false],
  ["test://a{id}b{part}c", "test://{name}", true],
  ["test://a{id}c", "test://ab{name}c", true],
  ["test://{id}x", "test://{name}y", false],
  ["test://{id}-{part}", "test://1-2", true],
  ["test://{id}-{part}", "test://12", false],
  ["test://{id}/a", "test://{id}/b", false],
  ["test://a{id}", "test://b{id}", false],
  ["one://{id}", "two://{id}", false]
])("%s and %s: %p", (one, other, expected) => {
  expect(templatesOverlap(one, other)).toBe(expected)
  expect(templatesOverlap(other, one)).toBe(expected)
})

const template = fc
  .array(fc.constantFrom("a", "b", "/", "{v}"), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.map((part, index) => part.replace("v", `v${index}`)).join(""))
  .filter((text) => !text.includes("}{"))
const uri = fc
  .array(fc.constantFrom("a", "b", "/"), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(""))

test("templates that match the same URI overlap", () => {
  fc.assert(
    fc.property(template, template, uri, (one, other, both) => {
      const match = compile(one)(both) !== undefined && compile(other)(both) !== undefined
      return !match || templatesOverlap(one, other)
    }),
    { numRuns: 5000 }
  )
})
