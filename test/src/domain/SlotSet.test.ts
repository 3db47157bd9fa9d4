/** SlotSet: the values that were added and not deleted, whatever the steps. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { SlotSet } from "../../../src/domain/SlotSet.ts"

interface Value {
  readonly number: number
}

const byNumber = (one: Value, other: Value) => one.number - other.number

test("a SlotSet has the values of a Set after any steps", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 200 }), (steps) => {
      const expected = new Set<Value>()
      const set = new SlotSet<Value>()
      const added: Array<readonly [Value, number]> = []
      for (const [number, step] of steps.entries()) {
        const gone = step < 5 ? added.splice(step % Math.max(1, added.length), 1)[0] : undefined
        if (gone === undefined) {
          const value = { number }
          expected.add(value)
          added.push([value, set.add(value)])
        } else {
          expected.delete(gone[0])
          set.delete(gone[1])
        }
        expect(set.size).toBe(expected.size)
        expect(Array.from(set).toSorted(byNumber)).toEqual(Array.from(expected))
      }
    })
  )
})
