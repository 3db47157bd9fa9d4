/** Text is measured with the widths of real fonts, and found to fit only where it does. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import metrics from "../../../layers/decks/page/metrics.json"
import { height, largest, shortened, width } from "../../../layers/decks/page/fit.ts"
import { installed, metrics as measure } from "../../support/fonts.ts"

const one = (text: string, size = 18) => [{ runs: [{ text }], size }]
const font = "Calibri"

/** Words, long words, other scripts, emoji, controls: whatever a caller may send. */
const text = fc.oneof(
  fc.string({ maxLength: 400 }),
  fc.string({ unit: "grapheme", maxLength: 400 }),
  fc.string({ unit: "binary", maxLength: 400 }),
  fc
    .array(fc.constantFrom("word", "a", "überlang", "日本語", "🎉", "مرحبا", "x".repeat(60)), {
      maxLength: 60
    })
    .map((all) => all.join(" "))
)

test("the widths are those of the fonts", async () => {
  if (!(await installed())) return expect(process.env["CI"] ?? "").toBe("")
  expect(metrics).toEqual((await measure()) as typeof metrics)
})

describe("a width", () => {
  test("adds up, grows with the size, and is more in bold", () => {
    expect(width("WW", "Calibri", 10)).toBeCloseTo(2 * width("W", "Calibri", 10))
    expect(width("word", "Calibri", 20)).toBeCloseTo(2 * width("word", "Calibri", 10))
    expect(width("word", "Calibri", 10, true)).toBeGreaterThan(width("word", "Calibri", 10))
    expect(width("word", "A font that nobody knows", 10)).toBeGreaterThan(width("word", "Arial", 10))
    expect(width("e\u0301", "Calibri", 10)).toBe(width("e", "Calibri", 10))
  })
})

describe("a height", () => {
  test("is that of the lines that the words need", () => {
    const line = height(one("one", 20), 500, font)
    expect(line).toBeCloseTo(20 * 1.221)
    expect(height(one("one two", 20), width("one two", font, 20) + 1, font)).toBeCloseTo(line)
    expect(height(one("one two", 20), width("one two", font, 20) - 1, font)).toBeCloseTo(2 * line)
    const below = one("two", 20).map((each) => ({ ...each, before: 10 }))
    expect(height([...one("one", 20), ...below], 500, font)).toBeCloseTo(2 * line + 10)
    expect(height(one("a\nb", 20), 500, font)).toBeCloseTo(2 * line)
  })

  test("does not shrink when there is more text, or less room", () => {
    fc.assert(
      fc.property(text, text, fc.integer({ min: 40, max: 600 }), (first, second, breadth) => {
        const less = height(one(first), breadth, font)
        expect(height(one(`${first} ${second}`), breadth, font)).toBeGreaterThanOrEqual(less - 1e-6)
        expect(height([...one(first), ...one(second)], breadth, font)).toBeGreaterThan(less)
      })
    )
  })

  test("of a word of 5,000 characters is that of its parts", () => {
    const lines = height(one("m".repeat(5000), 12), 300, font) / (12 * 1.221)
    expect(lines).toBeGreaterThan(width("m".repeat(5000), font, 12) / 300)
    expect(lines).toBeLessThan((width("m".repeat(5000), font, 12) / 300) * 1.2)
  })
})

test("the largest size fits, half a point more does not, and none is said where none does", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 60, max: 500 }), fc.integer({ min: 20, max: 300 }), (said, w, h) => {
      const sizes = { most: 40, least: 10 }
      const high = (size: number) => height(one(said, size), w, font)
      const size = largest((each) => one(said, each), { w: w / 72, h: h / 72 }, sizes, font)
      if (size === undefined) return expect(high(sizes.least)).toBeGreaterThan(h)
      expect(high(size)).toBeLessThanOrEqual(h + 1e-9)
      expect(size === sizes.most || high(size + 0.5) > h).toBe(true)
    })
  )
})

test("what is shortened fits, is a beginning, and ends in an ellipsis", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 5, max: 100 }), (said, most) => {
      const fits = (each: string) => each.length <= most
      const shown = shortened(said, fits)
      expect(fits(shown)).toBe(true)
      if (fits(said)) expect(shown).toBe(said)
      else {
        expect(shown.endsWith("…")).toBe(true)
        expect(said.startsWith(shown.slice(0, -1))).toBe(true)
      }
    })
  )
})
