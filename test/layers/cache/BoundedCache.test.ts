/** Bounded LRU cache: TTL, eviction, shares of owners. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { BoundedCache } from "../../../layers/cache/BoundedCache.ts"

describe("BoundedCache", () => {
  test("the least recently used value is evicted", () => {
    const cache = new BoundedCache<string>({ maxEntries: 2, maxSize: 1000 })
    cache.put("a", "1", 1, 10)
    cache.put("b", "2", 1, 10)
    expect(cache.get("a", 1)?.value).toBe("1")
    cache.put("c", "3", 1, 10)
    expect(["a", "b", "c"].map((key) => cache.get(key, 2)?.value)).toEqual(["1", undefined, "3"])
  })

  test("a value is cached until its expiry", () => {
    const cache = new BoundedCache<string>({ maxEntries: 2, maxSize: 1000 })
    cache.put("a", "1", 5, 15)
    expect([cache.get("a", 14)?.value, cache.get("a", 15)?.value]).toEqual(["1", undefined])
    expect([cache.entries, cache.size]).toEqual([0, 0])
  })

  test("a value that is too large removes the old value of its key", () => {
    const cache = new BoundedCache<string>({ maxEntries: 2, maxSize: 1000, maxEntrySize: 10 })
    cache.put("a", "old", 3, 10)
    cache.put("a", "new and too large", 17, 10)
    expect(cache.get("a", 1)).toBeUndefined()
  })

  test("drop removes the values that match, or all", () => {
    const cache = new BoundedCache<number>({ maxEntries: 9, maxSize: 1000 })
    for (const value of [1, 2, 3]) cache.put(String(value), value, 1, 10)
    cache.drop((value) => value === 2)
    expect([1, 2, 3].map((value) => cache.get(String(value), 1)?.value)).toEqual([1, undefined, 3])
    cache.drop()
    expect([cache.entries, cache.size]).toEqual([0, 0])
  })

  test("an owner beyond its share evicts its own values only", () => {
    const cache = new BoundedCache<string>({ maxEntries: 100, maxSize: 100, maxSizePerOwner: 50 })
    cache.put("theirs", "1", 20, 10, "bob")
    for (let each = 0; each < 20; each++) cache.put(`mine ${each}`, "1", 10, 10, "alice")
    expect([cache.entries, cache.size]).toEqual([6, 70])
    expect(cache.get("theirs", 1)?.value).toBe("1")
    expect([cache.get("mine 14", 1), cache.get("mine 15", 1)?.value]).toEqual([undefined, "1"])
    cache.drop()
    cache.put("mine", "1", 50, 10, "alice")
    expect(cache.size).toBe(50)
  })

  test("any sequence of operations stays within the bounds and returns the latest value", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e", "f")
    const action = fc.oneof(
      fc.record({ key, size: fc.nat({ max: 40 }) }),
      fc.record({ key }),
      fc.constant("drop" as const)
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const cache = new BoundedCache<number>({ maxEntries: 4, maxSize: 100, maxEntrySize: 25 })
        const last = new Map<string, number>()
        for (const [now, step] of actions.entries()) {
          if (step === "drop") cache.drop()
          else if ("size" in step) {
            cache.put(step.key, now, step.size, now + 7)
            last.set(step.key, now)
          } else {
            const kept = cache.get(step.key, now)
            if (kept !== undefined) expect(kept.value).toBe(last.get(step.key) ?? -1)
          }
          expect(cache.entries).toBeLessThanOrEqual(4)
          expect(cache.size).toBeLessThanOrEqual(100)
        }
      })
    )
  })
})
