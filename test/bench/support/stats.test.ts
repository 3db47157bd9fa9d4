/** Tests what the bench makes of its figures. */
import { expect, test } from "bun:test"
import { spread } from "./stats.ts"

test("the median of an even number of figures lies between the two in the middle", () => {
  expect(spread([4, 1, 10, 2])).toEqual({ min: 1, median: 3, max: 10 })
})

test("figures are ordered as numbers", () => {
  expect(spread([100, 9, 20])).toEqual({ min: 9, median: 20, max: 100 })
})

test("no figures have no spread", () => {
  expect(spread([])).toBeUndefined()
})
