/** What errors say of themselves: our own, and other people's. */
import { expect, test } from "bun:test"
import { isSuspension, suspension, transience, Unavailable } from "../../../src/domain/Transient.ts"

test("an error that passes says so, and perhaps when", () => {
  expect(transience(new Unavailable({ detail: "away", transient: { retryAfter: 5 } }))).toEqual({
    retryAfter: 5
  })
  expect(transience({ transient: {} })).toEqual({})
  expect(transience({ transient: true })).toEqual({})
})

test("anything else does not, and nonsense breaks nothing", () => {
  const others = [undefined, null, "no", 1, {}, new Error("no"), { transient: undefined }]
  const nonsense = [{ transient: null }, { transient: false }, { transient: "yes" }, { transient: 0 }]
  for (const error of [...others, ...nonsense]) expect(transience(error)).toBeUndefined()
  for (const retryAfter of [Number.NaN, Infinity, "5", null, {}]) {
    expect(transience({ transient: { retryAfter } })).toEqual({})
  }
})

test("a suspension is marked, whoever made it", () => {
  expect(isSuspension({ [suspension]: true })).toBe(true)
  for (const defect of [undefined, null, "no", {}, new Error("no")]) expect(isSuspension(defect)).toBe(false)
})
