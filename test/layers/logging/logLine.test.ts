/** Times, durations and ids of a log line in their documented form, also on fast paths. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import * as Line from "../../../layers/logging/logLine.ts"

test("a timestamp is RFC 3339 in UTC with milliseconds, after any previous timestamp", () => {
  const millis = fc.integer({ min: 0, max: 4_102_444_800_000 })
  const near = fc.tuple(millis, fc.array(fc.integer({ min: 0, max: 3000 })))
  fc.assert(
    fc.property(near, ([first, later]) => {
      for (const time of [first, first, ...later.map((more) => first + more)]) {
        expect(Line.timestamp(time)).toBe(new Date(time).toISOString())
      }
    })
  )
})

test("a duration is a JSON number of milliseconds, rounded to the microsecond", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (duration) => {
      expect(JSON.parse(Line.milliseconds(duration))).toBe(Math.round(duration * 1000) / 1000)
    })
  )
  expect(Line.milliseconds(-0.5)).toBe("0.000")
})

test("an id is quoted like any other text, for any id of a client", () => {
  const ids = [
    "0198c9f0-7a1b-7c3d-8e4f-0123456789ab",
    "",
    'a"b',
    "a\nb",
    "\u202e",
    "sk-0123456789abcdef",
    "ÄB"
  ]
  for (const id of ids) expect(Line.quoteId(id)).toBe(Line.quote(id))
  expect(Line.quoteId("sk-0123456789abcdef")).toBe('"<redacted>"')
  fc.assert(fc.property(fc.string(), (id) => expect(Line.quoteId(id)).toBe(Line.quote(id))))
})
