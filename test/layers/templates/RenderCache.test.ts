/** The cache of rendered texts: what it keeps, for how long, and that it never keeps too much. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { RenderCache } from "../../../layers/templates/RenderCache.ts"

describe("RenderCache", () => {
  test("drops what was unused the longest", () => {
    const cache = new RenderCache({ entries: 2, characters: 1000, milliseconds: 10 })
    cache.set("a", "1", 0)
    cache.set("b", "2", 0)
    expect(cache.get("a", 1)).toBe("1")
    cache.set("c", "3", 1)
    expect([cache.get("a", 2), cache.get("b", 2), cache.get("c", 2)]).toEqual(["1", undefined, "3"])
  })

  test("keeps a text for its time, counted from when it was made", () => {
    const cache = new RenderCache({ entries: 2, characters: 1000, milliseconds: 10 })
    cache.set("a", "1", 5)
    expect([cache.get("a", 14), cache.get("a", 15), cache.size, cache.characters]).toEqual([
      "1",
      undefined,
      0,
      0
    ])
  })

  test("stays within both bounds, and counts right, whatever is done", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e", "f")
    const action = fc.oneof(
      fc.record({ key, length: fc.nat({ max: 40 }) }),
      fc.record({ key }),
      fc.constant("clear" as const)
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const cache = new RenderCache({ entries: 4, characters: 100, milliseconds: 7 })
        const made = new Map<string, string>()
        for (const [now, step] of actions.entries()) {
          if (step === "clear") cache.clear()
          else if ("length" in step) {
            const text = `${now}`.padEnd(step.length, ".")
            cache.set(step.key, text, now)
            made.set(step.key, text)
          } else {
            const kept = cache.get(step.key, now)
            if (kept !== undefined) expect(kept).toBe(made.get(step.key) ?? "never made")
          }
          expect(cache.size).toBeLessThanOrEqual(4)
          expect(cache.characters).toBeLessThanOrEqual(100)
          expect(cache.characters === 0).toBe(cache.size === 0)
        }
      })
    )
  })
})
