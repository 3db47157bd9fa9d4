/** Table slides: no column is narrower than its longest word; the text shrinks until rows and columns fit. */
import { readAmount } from "../outline/amounts.ts"
import { cellMargin, type Cell, type Item } from "./Item.ts"
import * as fit from "./fit.ts"
import { areas, sizes } from "./layouts.ts"
import type { SlideOf } from "../outline/Outline.ts"
import { headline, type Stage } from "./typesetting.ts"

type Row = ReadonlyArray<string>

const area = { ...areas.body, y: 1.9, h: 4.75 }
/** Points. */
const most = 20
const least = 10
const margins = 2 * cellMargin.x + 0.04

const isNumeric = (text: string) =>
  /^[\d(+\-\u2212~≈±$€£¥₺₹]/u.test(text) && readAmount(text, ".") !== undefined

/** Inches that the longest word of each column takes; ideographs may break anywhere, and a URL within itself. */
const leastWidths = (rows: ReadonlyArray<Row>, font: string, size: number): ReadonlyArray<number> =>
  (rows[0] ?? []).map((_, index) => {
    const words = rows.flatMap((row, at) =>
      (row[index] ?? "")
        .split(/\s+|(?<=[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef])/u)
        .map((word) => ({ word, bold: at === 0 }))
    )
    const widest = Math.max(
      0,
      ...words.map(({ bold, word }) => fit.width(word.slice(0, 80), font, size, bold))
    )
    return Math.min(widest / 72 + margins, area.w / 2)
  })

const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)

/** Columns at least as wide as their longest word, and as wide as their longest line where there is room. */
const columnWidths = (
  rows: ReadonlyArray<Row>,
  font: string,
  size: number
): ReadonlyArray<number> | undefined => {
  const narrowest = leastWidths(rows, font, size)
  const left = area.w - sum(narrowest)
  if (left < 0) return undefined
  const wanted = narrowest.map((width, index) => {
    const lines = rows.map(
      (row, at) => fit.width((row[index] ?? "").slice(0, 200), font, size, at === 0) / 72
    )
    return Math.max(Math.min(Math.max(...lines) + margins, area.w * 0.5), width)
  })
  const total = sum(wanted)
  if (total <= area.w) return wanted.map((width) => (width / total) * area.w)
  return narrowest.map(
    (width, index) => width + (((wanted[index] ?? width) - width) / (total - sum(narrowest))) * left
  )
}

const rowHeights = (rows: ReadonlyArray<Row>, widths: ReadonlyArray<number>, font: string, size: number) =>
  rows.map(
    (row, at) =>
      Math.max(
        ...row.map((text, index) =>
          fit.height(
            [{ runs: [{ text, bold: at === 0 }] }],
            ((widths[index] ?? 1) - 2 * cellMargin.x) * 72,
            size,
            { font }
          )
        )
      ) /
        72 +
      2 * cellMargin.y
  )

interface Table {
  readonly columns: Row
  readonly rows: ReadonlyArray<Row>
}

/** A table whose columns do not fit beside each other as several, each with the first column. */
export const columnGroups = ({ columns, rows }: Table, font: string): ReadonlyArray<Table> => {
  const [first = 0, ...others] = leastWidths([columns, ...rows], font, least)
  const groups: Array<Array<number>> = [[]]
  let used = first
  for (const [index, width] of others.entries()) {
    if (used + width > area.w) {
      groups.push([])
      used = first
    }
    groups.at(-1)?.push(index + 1)
    used += width
  }
  const pick = (row: Row, group: ReadonlyArray<number>) => [0, ...group].map((index) => row[index] ?? "")
  return groups.map((group) => ({ columns: pick(columns, group), rows: rows.map((row) => pick(row, group)) }))
}

/** How many slides the rows of a table take at that size. */
export const tableSlides = ({ columns, rows }: Table, font: string, size: number): number => {
  const all = [columns, ...rows]
  const widths = columnWidths(all, font, size)
  if (widths === undefined) return size > least ? tableSlides({ columns, rows }, font, least) : 1
  const [head = 0, ...heights] = rowHeights(all, widths, font, size)
  return Math.max(1, Math.ceil(sum(heights) / (area.h - head)))
}

export const ofTable = (stage: Stage, slide: SlideOf<"table">): ReadonlyArray<Item> => {
  const { palette } = stage
  const font = palette.fonts.body
  const count = slide.columns.length
  const all: ReadonlyArray<Row> = [slide.columns, ...slide.rows].map((row) =>
    slide.columns.map((_, index) => String(row[index] ?? ""))
  )
  const right = slide.columns.map((_, index) => {
    const cells = all.slice(1).flatMap((row) => (row[index] === "" ? [] : [row[index] ?? ""]))
    return cells.length > 0 && cells.filter(isNumeric).length * 3 >= cells.length * 2
  })
  const fitting = (rows: ReadonlyArray<Row>, at: number) => {
    const widths = columnWidths(rows, font, at)
    if (widths === undefined) return undefined
    const heights = rowHeights(rows, widths, font, at)
    return sum(heights) <= area.h ? { widths, heights } : undefined
  }
  let rows = all
  let size = most
  while (size > least && fitting(rows, size) === undefined) size -= 0.5
  if (fitting(rows, size) === undefined) {
    // Long cells are shortened first, then rows are left out.
    const width = area.w / count
    rows = rows.map((row) =>
      row.map((text) =>
        fit.shortened(
          text,
          (shown) =>
            (rowHeights([[], [shown]], [width], font, size)[1] ?? 0) <= 0.95 && leastFits(shown, font, width)
        )
      )
    )
    while (rows.length > 2 && fitting(rows, size) === undefined) rows = rows.slice(0, -1)
    stage.cut(
      all
        .filter((row, index) => rows[index]?.join() !== row.join())
        .map((row) => row.join(" | "))
        .join("\n")
    )
  }
  const equal = slide.columns.map(() => area.w / count)
  const { heights, widths } = fitting(rows, size) ?? {
    widths: equal,
    heights: rowHeights(rows, equal, font, size)
  }
  // Rows are spread over the free height, within reason.
  const extra = Math.max(Math.min((area.h - sum(heights)) / rows.length, 0.32), 0)
  const cells = rows.map((row) =>
    row.map((text, index): Cell => ({ runs: [{ text }], align: right[index] === true ? "r" : "l" }))
  )
  return [
    headline(stage, slide.headline, areas.headline, sizes.headline),
    {
      kind: "table",
      name: "Table",
      area: { ...area, h: sum(heights) + extra * rows.length },
      alt: `${slide.headline}: ${slide.columns.join(", ")}`.slice(0, 1000),
      widths,
      heights: heights.map((height) => height + extra),
      rows: cells,
      size,
      colors: { head: palette.accent, onHead: palette.onAccent, ink: palette.ink, line: palette.line }
    }
  ]
}

const leastFits = (text: string, font: string, width: number) =>
  (leastWidths([[text]], font, least)[0] ?? 0) <= width
