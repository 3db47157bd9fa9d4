/** Collisions between the lists of two servers. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { compile } from "../../../src/catalog/matchUriTemplate.ts"
import { templatesOverlap } from "../../../src/catalog/templatesOverlap.ts"
import { collisions, listedUris, sameUris } from "../../../src/upstreams/listedUris.ts"

const scheme = fc.constantFrom("x:", "y:")
const rest = fc.constantFrom("//a", "//b", "//a/1", "//b/1", "//a/1/2", "///1", "1", "a")
const open = fc.constantFrom("//{v}", "//a{v}", "//a/{v}", "//{v}/1", "//{v}/{w}", "///{v}", "{v}", "//a/1")
const joined = (part: fc.Arbitrary<string>) =>
  fc.array(
    fc.tuple(scheme, part).map((parts) => parts.join("")),
    { maxLength: 4 }
  )
const lists = fc.record({ resources: joined(rest), templates: joined(open) })
type Listed = typeof lists extends fc.Arbitrary<infer A> ? A : never

const listed = ({ resources, templates }: Listed) =>
  listedUris({
    resources: resources.map((uri) => ({ uri })),
    templates: templates.map((uriTemplate) => ({ uriTemplate }))
  })

const matches = (template: string, uri: string) => compile(template)(uri) !== undefined

test("are all URIs and templates that have a URI in common, and no others", () => {
  fc.assert(
    fc.property(lists, lists, (own, other) => {
      const found = collisions(listed(own), [listed(other)])
      const resources = own.resources.filter(
        (uri) => other.resources.includes(uri) || other.templates.some((template) => matches(template, uri))
      )
      const templates = own.templates.filter(
        (template) =>
          other.templates.some((each) => templatesOverlap(template, each)) ||
          other.resources.some((uri) => matches(template, uri))
      )
      expect(found.resources.toSorted()).toEqual([...new Set(resources)].toSorted())
      expect(found.templates.toSorted()).toEqual([...new Set(templates)].toSorted())
    }),
    { numRuns: 2000 }
  )
})

test("lists are the same in any order of their items", () => {
  const one = listed({ resources: ["x:1", "x:2"], templates: ["x:{v}", "y:{v}"] })
  expect(sameUris(one, listed({ resources: ["x:2", "x:1"], templates: ["y:{v}", "x:{v}"] }))).toBe(true)
  expect(sameUris(one, listed({ resources: ["x:1", "x:3"], templates: ["x:{v}", "y:{v}"] }))).toBe(false)
  expect(sameUris(one, listed({ resources: ["x:1", "x:2"], templates: ["x:{v}", "y:{w}"] }))).toBe(false)
})
