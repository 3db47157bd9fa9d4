/** Details as callers may send them, for properties of decks. */
import fc from "fast-check"
import type { Detail } from "../../layers/decks/outline/Detail.ts"

/** A line without marks. */
export const words = fc
  .array(
    fc.constantFrom(
      "growth",
      "team",
      "Überblick",
      "the",
      "a",
      "of",
      "日本",
      "🎉",
      "مرحبا",
      "x".repeat(40),
      "<&>\"'",
      "12%"
    ),
    {
      minLength: 1,
      maxLength: 25
    }
  )
  .map((all) => all.join(" "))
export const line = fc.oneof(
  { weight: 6, arbitrary: words },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 6000 }).map((length) => "m".repeat(length)) },
  { weight: 1, arbitrary: words.map((text) => `- ${text}`) },
  { weight: 1, arbitrary: words.map((text) => `  - ${text}`) },
  { weight: 1, arbitrary: words.map((text) => `## ${text}`) },
  {
    weight: 1,
    arbitrary: fc.tuple(words, fc.integer()).map(([key, value]) => `${key.slice(0, 30)}: ${value}`)
  }
)
const lines = fc.array(line, { maxLength: 12 })
const title = fc.option(words, { nil: undefined }).map((text) => (text === undefined ? {} : { title: text }))
const number = fc.oneof(
  fc.integer({ min: -1000, max: 100_000 }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true })
)

const chart = fc
  .tuple(
    fc.array(words, { minLength: 1, maxLength: 20 }),
    fc.array(fc.array(number, { maxLength: 20 }), { minLength: 1, maxLength: 4 }),
    fc.constantFrom("%", "$", "m EUR", ""),
    title
  )
  .map(([labels, series, unit, given]) => ({
    chart: { labels, series: series.map((values, index) => ({ name: `Series ${index}`, values })), unit },
    ...given
  }))

const table = fc
  .tuple(
    fc.array(words, { minLength: 1, maxLength: 8 }),
    fc.array(fc.array(fc.oneof(words, number, fc.constant(null)), { maxLength: 8 }), { maxLength: 30 }),
    title
  )
  .map(([columns, rows, given]) => ({ table: { columns, rows }, ...given }))

export const detail: fc.Arbitrary<Detail> = fc.oneof(
  { weight: 6, arbitrary: line },
  { weight: 1, arbitrary: fc.record({ heading: words, points: lines }) },
  { weight: 1, arbitrary: chart },
  { weight: 1, arbitrary: table },
  { weight: 1, arbitrary: fc.record({ quote: words, by: words }) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.record({ value: fc.oneof(words, number), label: words }), { minLength: 1, maxLength: 12 })
      .map((numbers) => ({ numbers }))
  },
  {
    weight: 1,
    arbitrary: fc.tuple(words, lines, words, lines).map(([a, b, c, d]) => ({
      columns: [
        { heading: a, points: b },
        { heading: c, points: d }
      ]
    }))
  }
)
export const details = fc.array(detail, { minLength: 1, maxLength: 30 })
