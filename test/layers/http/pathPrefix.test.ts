/** The prefix that a proxy strips: plain paths only, because clients follow URLs that contain it. */
import { describe, expect, test } from "bun:test"
import { pathPrefixOf } from "../../../layers/http/pathPrefix.ts"

const of = (value: string) => pathPrefixOf(new Headers({ "x-forwarded-prefix": value }))

describe("the prefix is used:", () => {
  for (const [value, prefix] of [
    ["/tools", "/tools"],
    ["/tools/", "/tools"],
    ["/a/b-1_2.x~", "/a/b-1_2.x~"],
    ["/outer, /inner/", "/outer/inner"]
  ] as const) {
    test(value, () => expect(of(value)).toBe(prefix))
  }
})

describe("the prefix is ignored:", () => {
  for (const value of [
    "",
    "/",
    "tools",
    "//evil.example",
    "/a//b",
    "https://evil.example/",
    "/a?b=c",
    "/a#b",
    "/..",
    "/a/../b",
    "/%2e%2e",
    "/\\evil",
    "/a b",
    `/${"a".repeat(300)}`
  ]) {
    test(JSON.stringify(value), () => expect(of(value)).toBe(""))
  }

  test("a request without the header has no prefix", () => expect(pathPrefixOf(new Headers())).toBe(""))
})
