/** TransientMap: the entries and the order of a `Map`, whatever is added and removed. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { TransientMap } from "../../../src/domain/TransientMap.ts"

interface Value {
  readonly number: number
}

const key = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom("0", "a", "b"))
const step = fc.oneof(
  fc.record({ kind: fc.constant("set"), key, number: fc.integer() }),
  fc.record({ kind: fc.constantFrom("delete", "take"), key, number: fc.constant(0) }),
  fc.record({ kind: fc.constant("remove"), key, number: fc.nat({ max: 1 }) }),
  fc.record({ kind: fc.constantFrom("set", "clear"), key, number: fc.integer() })
)

describe("TransientMap", () => {
  test("has the same entries as a Map after any steps", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const expected = new Map<string | number, Value>()
        const map = new TransientMap<string | number, Value>()
        for (const { key: each, kind, number } of steps) {
          if (kind === "set") {
            const value = { number }
            expected.set(each, value)
            map.set(each, value)
          } else if (kind === "delete") expect(map.delete(each)).toBe(expected.delete(each))
          else if (kind === "take") {
            expect(map.take(each)).toBe(expected.get(each))
            expected.delete(each)
          } else if (kind === "remove") {
            const value = number === 0 ? expected.get(each) : undefined
            map.remove(each, value ?? { number })
            if (value !== undefined) expected.delete(each)
          } else {
            expected.clear()
            map.clear()
          }
          expect(map.size).toBe(expected.size)
          expect(map.get(each)).toBe(expected.get(each))
          expect(map.has(each)).toBe(expected.has(each))
          expect([...map.values()]).toEqual([...expected.values()])
          expect([...map.keys()]).toEqual([...expected.keys()])
        }
      })
    )
  })

  test("allows to remove entries while they are iterated, also the last one of many", () => {
    const map = new TransientMap<number, Value>()
    for (let number = 0; number < 5000; number++) map.set(number, { number })
    const seen: Array<number> = []
    for (const { number } of map.values()) {
      seen.push(number)
      map.delete(number)
    }
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, number) => number))
    expect(map.size).toBe(0)
    map.set(7, { number: 7 })
    expect([...map.values()]).toEqual([{ number: 7 }])
  })
})
