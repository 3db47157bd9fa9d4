/** Transience of errors: our own, and those of other libraries. */
import { expect, test } from "bun:test"
import { isSuspension, suspension, transience, Unavailable } from "../../../src/domain/Transient.ts"

test("a transient error may have a retry time", () => {
  expect(transience(new Unavailable({ detail: "away", transient: { retryAfter: 5 } }))).toEqual({
    retryAfter: 5
  })
  expect(transience({ transient: {} })).toEqual({})
  expect(transience({ transient: true })).toEqual({})
})

test("other errors are permanent and malformed ones are harmless", () => {
  const others = [undefined, null, "no", 1, {}, new Error("no"), { transient: undefined }]
  const nonsense = [{ transient: null }, { transient: false }, { transient: "yes" }, { transient: 0 }]
  for (const error of [...others, ...nonsense]) expect(transience(error)).toBeUndefined()
  for (const retryAfter of [Number.NaN, Infinity, "5", null, {}]) {
    expect(transience({ transient: { retryAfter } })).toEqual({})
  }
})

test("a suspension is recognised by its mark", () => {
  expect(isSuspension({ [suspension]: true })).toBe(true)
  for (const defect of [undefined, null, "no", {}, new Error("no")]) expect(isSuspension(defect)).toBe(false)
})
