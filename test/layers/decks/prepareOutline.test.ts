/** Outlines from callers: Markdown is read, lists are counted, gaps stay gaps, and tables fit. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { prepareOutline } from "../../../layers/decks/outline/prepareOutline.ts"
import type { Slide } from "../../../layers/decks/outline/Outline.ts"
import { width } from "../../../layers/decks/page/fit.ts"
import { cellMargin } from "../../../layers/decks/page/Item.ts"
import { ofTable } from "../../../layers/decks/page/tablePage.ts"
import { axisMinimum } from "../../../layers/decks/page/chartPage.ts"
import { builtIn, palette, type ThemeFile } from "../../../layers/decks/Theme.ts"

const request = { client: "Acme", project: "Q3", type: "", details: [] }
const prepared = (slides: ReadonlyArray<Slide>) => prepareOutline({ slides }, request, "Calibri")

describe("an outline", () => {
  test("is plain text: Markdown is read, except in code", () => {
    const { outline } = prepared([
      {
        layout: "bullets",
        headline: "**Key** `wins`",
        points: [{ text: "**Owner:** *Ana*" }],
        numbered: true
      },
      { layout: "code", headline: "Code", code: "a **b**\n  c" }
    ])
    expect(outline).toEqual({
      title: "Acme · Q3",
      footer: "Acme · Q3",
      slides: [
        { layout: "bullets", headline: "Key wins", points: [{ lead: "Owner", text: "Ana", number: 1 }] },
        { layout: "code", headline: "Code", code: "a **b**\n  c" }
      ]
    })
  })

  test("has one value per label, and none that is not given", () => {
    const chart = { kind: "line" as const, labels: ["a", "b"], series: [{ name: "s", values: [1] }] }
    expect(prepared([{ layout: "chart", headline: "x", chart }]).outline.slides[0]).toMatchObject({
      chart: { labels: ["a", "b"], series: [{ values: [1, null] }] }
    })
  })

  test("says so where a table is split, or the number of slides differs", () => {
    const columns = Array.from({ length: 12 }, (_, index) => `Incomprehensibilities${index}`)
    const { outline, remarks } = prepareOutline(
      { slides: [{ layout: "table", headline: "Wide", columns, rows: [columns] }] },
      { ...request, slides: 3 },
      "Calibri"
    )
    expect(outline.slides.length).toBeGreaterThan(1)
    expect(
      new Set(outline.slides.flatMap((slide) => (slide.layout === "table" ? slide.columns : [])))
    ).toEqual(new Set(columns))
    expect(remarks).toHaveLength(2)
  })
})

const font = "Calibri"
const stage = {
  palette: palette(builtIn["light"] as ThemeFile),
  pictures: new Map(),
  texts: {},
  cut: () => {}
}
const cell = fc
  .array(fc.constantFrom("Probability", "High", "4,120", "a", "Mitigation", "supplier", "86.2"), {
    maxLength: 12
  })
  .map((words) => words.join(" "))

test("no column of a table is narrower than its longest word", () => {
  const rows = fc
    .integer({ min: 1, max: 12 })
    .chain((count) =>
      fc.array(fc.array(cell, { minLength: count, maxLength: count }), { minLength: 2, maxLength: 12 })
    )
  fc.assert(
    fc.property(rows, ([columns = [], ...rest]) => {
      for (const slide of prepared([{ layout: "table", headline: "x", columns, rows: rest }]).outline
        .slides) {
        if (slide.layout !== "table") continue
        for (const item of ofTable(stage, slide)) {
          if (item.kind !== "table") continue
          for (const [at, row] of item.rows.entries())
            for (const [index, text] of row.entries())
              for (const word of text.split(" "))
                expect(width(word, font, item.size, at === 0) / 72 + 2 * cellMargin.x).toBeLessThanOrEqual(
                  (item.widths[index] ?? 0) + 0.001
                )
        }
      }
    }),
    { numRuns: 200 }
  )
}, 30_000)

test("the axis of a line starts at zero, unless that flattens it", () => {
  const minimum = (values: ReadonlyArray<number | null>) =>
    axisMinimum({ kind: "line", labels: values.map(String), series: [{ name: "", values }] })
  expect(minimum([92.1, 93, null, 96.4])).toBe(90)
  expect(minimum([10, 20, 30])).toBeUndefined()
  expect(minimum([-5, 3])).toBeUndefined()
  expect(minimum([5, 5])).toBeUndefined()
  expect(minimum([null])).toBeUndefined()
})
