/** Cache of tool results: TTL, bounds, invalidation and canonical arguments. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { canonical, ToolCache } from "../../../layers/guard/ToolCache.ts"

const cache = (maxEntries = 3, maxSize = 1000) => new ToolCache({ maxEntries, maxSize })

describe("cached results", () => {
  test("a result is cached until its TTL has passed", () => {
    const kept = cache()
    kept.put("k", "tool", { a: 1 }, 100)
    expect(kept.get("k", 99)?.value).toEqual({ a: 1 })
    expect(kept.get("k", 100)).toBeUndefined()
    expect(kept.entries).toBe(0)
  })

  test("the least recently used result is evicted beyond the maximum of entries", () => {
    const kept = cache()
    for (const key of ["a", "b", "c"]) kept.put(key, "tool", key, 100)
    kept.get("a", 0)
    kept.put("d", "tool", "d", 100)
    expect(["a", "b", "c", "d"].filter((key) => kept.get(key, 0) !== undefined)).toEqual(["a", "c", "d"])
  })

  test("results are evicted beyond the total size and one that is too large alone is not cached", () => {
    const kept = cache(100, 50)
    kept.put("a", "tool", "x".repeat(20), 100)
    kept.put("b", "tool", "x".repeat(20), 100)
    kept.put("c", "tool", "x".repeat(20), 100)
    expect(kept.entries).toBe(2)
    kept.put("d", "tool", "x".repeat(60), 100)
    expect(kept.get("d", 0)).toBeUndefined()
    expect(kept.entries).toBe(2)
  })

  test("results are invalidated by tool or all together", () => {
    const kept = cache()
    kept.put("a", "one", 1, 100)
    kept.put("b", "two", 2, 100)
    const { epoch } = kept
    kept.invalidate(new Set(["one"]))
    expect(kept.epoch).not.toBe(epoch)
    expect([kept.get("a", 0), kept.get("b", 0)?.value]).toEqual([undefined, 2])
    kept.invalidate()
    expect(kept.entries).toBe(0)
  })

  test("a result that is not JSON is not cached and does not fail", () => {
    const kept = cache()
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const value of [circular, 1n, undefined, () => 1]) kept.put("k", "tool", value, 100)
    expect(kept.entries).toBe(0)
  })

  test("the bounds hold for any sequence of operations", () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b", "c", "d", "e"),
      size: fc.nat({ max: 40 }),
      until: fc.nat({ max: 20 }),
      get: fc.boolean()
    })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const kept = cache(3, 60)
        const newest = new Map<string, string>()
        for (const [now, { get, key, size, until }] of steps.entries()) {
          if (get) {
            const found = kept.get(key, now)
            if (found !== undefined) expect(found.value).toBe(newest.get(key))
          } else {
            const value = `${now}`.padEnd(size, "x")
            kept.put(key, "tool", value, now + until)
            if (key.length + size + 2 <= 60) newest.set(key, value)
          }
          expect(kept.entries).toBeLessThanOrEqual(3)
        }
      })
    )
  })
})

describe("canonical arguments", () => {
  const json = fc.jsonValue({ maxDepth: 4 })

  /** The same value with reversed object keys. */
  const reversed = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value
    if (Array.isArray(value)) return value.map(reversed)
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, each]) => [key, reversed(each)])
    )
  }

  test("arguments are equal in any order of keys and differ if their JSON does", () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        const text = canonical(one)
        expect(text).toBe(canonical(reversed(one)))
        // Parsing restores the value.
        expect(JSON.parse(text ?? "")).toEqual(JSON.parse(JSON.stringify(one)))
        const same = Bun.deepEquals(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)), true)
        expect(text === canonical(other)).toBe(same)
      })
    )
  })

  test("the key __proto__ is part of the arguments and harmless", () => {
    const [one, other] = ['{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}']
    expect(canonical(JSON.parse(one))).toBe(one)
    expect(canonical(JSON.parse(other))).toBe(other)
    expect(({} as Record<string, unknown>).a).toBeUndefined()
  })

  test("arguments that are too large or too deep have no cache key", () => {
    const deep = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`) as unknown
    const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, key) => [`k${key}`, key]))
    for (const value of ["x".repeat(20_000), { a: "x".repeat(20_000) }, deep, wide, Array(100_000).fill(0)]) {
      expect(canonical(value)).toBeUndefined()
    }
    expect(canonical({ a: "x".repeat(10_000) })).toBeDefined()
  })
})
