/** Bounds on keys, values and nesting of a JSON text, counted before it is parsed. */
import { Effect } from "effect"
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { exceeded } from "../../../layers/transports/jsonBounds.ts"
import { leastOf } from "../../support/leastOf.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const bounds = { maxKeys: 3, maxItems: 4, maxDepth: 2 }

describe("a text within the bounds is accepted:", () => {
  for (const text of [
    "",
    "1",
    '"a string"',
    "[[1,2],3]",
    '{"a":1,"b":{"c":2}}',
    "[1,2,3,4]",
    // Structural characters inside strings do not count.
    '"[[[[[[{{{{{{:::::,,,,,"',
    `"${'\\"[[['.repeat(50)}"`,
    `"${"x".repeat(200)}\\\\"`,
    `["${"x".repeat(200)}\\"[[[[","\\\\"]`
  ]) {
    test(JSON.stringify(text.slice(0, 40)), () => {
      expect(exceeded(bytes(text), bounds)).toBeUndefined()
      expect(exceeded(text, bounds)).toBeUndefined()
    })
  }
})

describe("a text beyond a bound is rejected with the name of the bound:", () => {
  for (const [text, setting] of [
    ["[[[1]]]", "max_depth"],
    ['{"a":[{}]}', "max_depth"],
    ['{"a":1,"b":2,"c":3,"d":4}', "max_keys"],
    ["[1,2,3,4,5]", "max_items"],
    ["[[1,2],[3,4],[]]", "max_items"],
    [`["${"x".repeat(100)}\\\\",[[1]]]`, "max_depth"],
    [`["\\\\",[[1]]]`, "max_depth"],
    // Not JSON: counted, but never parsed.
    ["[[[[[[[[", "max_depth"],
    [",,,,,,,,", "max_items"]
  ] as const) {
    test(JSON.stringify(text.slice(0, 40)), () => {
      expect(exceeded(bytes(text), bounds)).toContain(setting)
      expect(exceeded(text, bounds)).toContain(setting)
    })
  }
})

const countsOf = (
  value: unknown
): { readonly keys: number; readonly items: number; readonly depth: number } => {
  if (typeof value !== "object" || value === null) return { keys: 0, items: 0, depth: 0 }
  const inner = Object.values(value).map(countsOf)
  const sum = (of: "keys" | "items") => inner.reduce((total, each) => total + each[of], 0)
  const size = inner.length
  return {
    keys: sum("keys") + (Array.isArray(value) ? 0 : size),
    // The commas.
    items: sum("items") + Math.max(0, size - 1),
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth))
  }
}

test("bytes and text have the counts of the parsed value, for any value", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value)
      const { depth, items, keys } = countsOf(JSON.parse(text))
      const most = { maxKeys: keys, maxItems: items + 1, maxDepth: depth }
      for (const each of [text, bytes(text)]) {
        expect(exceeded(each, most)).toBeUndefined()
        if (depth > 0) expect(exceeded(each, { ...most, maxDepth: depth - 1 })).toContain("max_depth")
        if (keys > 0) expect(exceeded(each, { ...most, maxKeys: keys - 1 })).toContain("max_keys")
        if (items > 0) expect(exceeded(each, { ...most, maxItems: items })).toContain("max_items")
      }
    })
  )
})

test("a string that spans several chunks ends at its closing quote", () => {
  const tail = ",[[1]]]"
  for (const length of [65_533, 65_534, 65_535, 65_536, 131_071]) {
    for (const end of ['"', '\\""', '\\\\"']) {
      const text = `["${"x".repeat(length)}${end}${tail}`
      expect(exceeded(text, bounds)).toContain("max_depth")
      expect(exceeded(text, { ...bounds, maxDepth: 3 })).toBeUndefined()
    }
  }
})

test("a text of the maximum size is counted in a few milliseconds", () => {
  const most = { maxKeys: 1e9, maxItems: 1e9, maxDepth: 1e9 }
  const text = bytes(`[${"[],".repeat(1_300_000)}[]]`)
  const time = Effect.sync(() => {
    const before = process.cpuUsage()
    expect(exceeded(text, most)).toBeUndefined()
    return process.cpuUsage(before).user / 1000
  })
  expect(Effect.runSync(leastOf(100, time))).toBeLessThan(100)
})
