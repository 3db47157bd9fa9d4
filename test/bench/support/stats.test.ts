/** Statistics of benchmark numbers: median, order, spread. */
import { expect, test } from "bun:test"
import { spread } from "./stats.ts"

test("the median of an even count is the mean of the two middle numbers", () => {
  expect(spread([4, 1, 10, 2])).toEqual({ min: 1, median: 3, max: 10 })
})

test("numbers are sorted numerically", () => {
  expect(spread([100, 9, 20])).toEqual({ min: 9, median: 20, max: 100 })
})

test("an empty list has no spread", () => {
  expect(spread([])).toBeUndefined()
})
