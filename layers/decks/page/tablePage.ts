/** Pages of tables: columns as wide as what stands in them, rows as high as they need, and numbers to the right. */
import { cellMargin, type Cell, type Item } from "./Item.ts"
import * as fit from "./fit.ts"
import { areas, sizes } from "./layouts.ts"
import type { SlideOf } from "../outline/Outline.ts"
import { headline, type Stage } from "./typesetting.ts"

const numeric = /^[+\-\u2212~≈]?\s?[$€£¥₺₹]?\s?\d[\d.,' \u00a0]*\s?(?:%|[a-zA-Z×]{1,4})?$/

/** Columns as wide as what stands in them, within reason. */
const columnWidths = (stage: Stage, rows: ReadonlyArray<ReadonlyArray<string>>, total: number) => {
  const font = stage.palette.fonts.body
  const count = rows[0]?.length ?? 1
  const wanted = Array.from({ length: count }, (_, index) => {
    const all = rows.map((row, at) => fit.width((row[index] ?? "").slice(0, 200), font, 16, at === 0) / 72)
    return Math.min(Math.max(Math.max(...all) + 2 * cellMargin.x + 0.15, 0.9), total * 0.5)
  })
  const sum = wanted.reduce((all, each) => all + each, 0)
  return wanted.map((each) => (each / sum) * total)
}

export const ofTable = (stage: Stage, slide: SlideOf<"table">): ReadonlyArray<Item> => {
  const { palette } = stage
  const font = palette.fonts.body
  const count = slide.columns.length
  const all = [slide.columns, ...slide.rows.map((row) => slide.columns.map((_, index) => row[index] ?? ""))]
  const right = slide.columns.map(
    (_, index) =>
      slide.rows.length > 0 &&
      slide.rows.every((row) => (row[index] ?? "") === "" || numeric.test(row[index] ?? ""))
  )
  const area = { ...areas.body, y: 1.9, h: 4.75 }
  const widths = columnWidths(stage, all, area.w)
  const rowHeight = (row: ReadonlyArray<string>, size: number, head: boolean) =>
    Math.max(
      ...row.map((text, index) =>
        fit.height([{ runs: [{ text, bold: head }] }], ((widths[index] ?? 1) - 2 * cellMargin.x) * 72, size, {
          font
        })
      )
    ) /
      72 +
    2 * cellMargin.y
  const heights = (rows: ReadonlyArray<ReadonlyArray<string>>, size: number) =>
    rows.map((row, index) => rowHeight(row, size, index === 0))
  const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)
  const fits = (rows: ReadonlyArray<ReadonlyArray<string>>, size: number) =>
    sum(heights(rows, size)) <= area.h
  let rows: ReadonlyArray<ReadonlyArray<string>> = all
  let size = 20
  while (size > 11 && !fits(rows, size)) size -= 0.5
  if (!fits(rows, size)) {
    // Long cells first, then rows.
    const shortest = rows.map((row) =>
      row.map((text, index) =>
        fit.shortened(
          text,
          (shown) => rowHeight([...Array.from({ length: index }, () => ""), shown], size, false) <= 0.95
        )
      )
    )
    rows = shortest
    while (rows.length > 2 && !fits(rows, size)) rows = rows.slice(0, -1)
    stage.cut(
      all
        .slice(rows.length)
        .map((row) => row.join(" | "))
        .join("\n")
    )
  }
  const natural = heights(rows, size)
  // Rows breathe as far as there is room, and no further than looks like a table.
  const extra = Math.min((area.h - sum(natural)) / rows.length, 0.32)
  const cells = rows.map((row) =>
    row.map((text, index): Cell => ({ runs: [{ text }], align: right[index] === true ? "r" : "l" }))
  )
  return [
    headline(stage, slide.headline, areas.headline, sizes.headline),
    {
      kind: "table",
      name: "Table",
      area: { ...area, h: sum(natural) + extra * rows.length },
      alt: `Table of ${rows.length - 1} rows and ${count} columns: ${slide.columns.join(", ")}`.slice(
        0,
        1000
      ),
      widths,
      heights: natural.map((height) => height + extra),
      rows: cells,
      size,
      colors: { head: palette.accent, onHead: palette.onAccent, ink: palette.ink, line: palette.line }
    }
  ]
}
