/** Weighted fractions: the mean of the parts by weight, between 0 and 1, independent of the order of updates. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { WeightedFraction } from "../../../layers/progress/WeightedFraction.ts"

interface Tree {
  readonly weight: number
  readonly reached: number | undefined
  readonly parts: ReadonlyArray<Tree>
}

const tree = (depth: number): fc.Arbitrary<Tree> =>
  fc.record({
    weight: fc.double({ min: 0, max: 10, noNaN: true }),
    reached: fc.option(fc.double({ min: -1, max: 2, noNaN: true }), { nil: undefined }),
    parts: depth === 0 ? fc.constant([]) : fc.array(tree(depth - 1), { maxLength: 4 })
  })

/** The definition in the docstring. */
const expected = ({ parts, reached = 0 }: Tree): number => {
  const weights = parts.reduce((sum, { weight }) => sum + weight, 0)
  const done = parts.reduce((sum, part) => sum + part.weight * expected(part), 0)
  return Math.max(Math.min(1, Math.max(0, reached)), weights > 0 ? done / weights : 0)
}

test("the whole is the weighted mean of its parts, or its own value if greater", () => {
  fc.assert(
    fc.property(tree(3), fc.infiniteStream(fc.nat()), (plan, order) => {
      const moves: Array<() => void> = []
      const build = (node: Tree, share: WeightedFraction): WeightedFraction => {
        const { reached } = node
        if (reached !== undefined) moves.push(() => share.reach(reached))
        for (const part of node.parts) build(part, new WeightedFraction(share, part.weight))
        return share
      }
      const whole = build(plan, new WeightedFraction())
      while (moves.length > 0) {
        const [move] = moves.splice((order.next().value ?? 0) % moves.length, 1)
        const before = whole.fraction
        move?.()
        expect(whole.fraction).toBeGreaterThanOrEqual(before - 1e-9)
        expect(whole.fraction).toBeLessThanOrEqual(1)
      }
      expect(whole.fraction).toBeCloseTo(expected(plan), 6)
    })
  )
})

test("weights that are not positive numbers count as 0", () => {
  const whole = new WeightedFraction()
  expect(whole.known).toBe(false)
  const parts = [1, 0, -1, Number.NaN, Infinity].map((weight) => new WeightedFraction(whole, weight))
  for (const part of parts.slice(1)) part.reach(1)
  expect(whole.fraction).toBe(0)
  expect(whole.known).toBe(true)
  parts[0]?.reach(0.5)
  expect(whole.fraction).toBe(0.5)
})
