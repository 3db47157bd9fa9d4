/** Table slides: no column is narrower than its longest word; the text shrinks until rows and columns fit. */
import { readAmount } from "../outline/amounts.ts"
import { cellMargin, type Item } from "./Item.ts"
import * as fit from "./fit.ts"
import type { SlideOf } from "../outline/Outline.ts"
import { body } from "./places.ts"
import { type Stage } from "./typesetting.ts"

type Row = ReadonlyArray<string>
interface Table {
  readonly columns: Row
  readonly rows: ReadonlyArray<Row>
}

const area = { ...body, y: 1.9, h: 4.75 }
/** Points. */
const most = 20
const least = 10
const margins = 2 * cellMargin.x + 0.04

const isNumeric = (text: string) =>
  /^[\d(+\-\u2212~≈±$€£¥₺₹]/u.test(text) && readAmount(text, ".") !== undefined

const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)

/** For each column, the inches that the widest of its texts takes; the first row is bold. */
const widest = (
  rows: ReadonlyArray<Row>,
  font: string,
  size: number,
  pieces: (text: string) => ReadonlyArray<string>
) =>
  (rows[0] ?? []).map((_, index) => {
    const widths = rows.flatMap((row, at) =>
      pieces(row[index] ?? "").map((piece) => fit.width(piece, font, size, at === 0))
    )
    return Math.min(Math.max(0, ...widths) / 72 + margins, area.w / 2)
  })

/** Of the longest words; ideographs may break anywhere, and a URL within itself. */
const leastWidths = (rows: ReadonlyArray<Row>, font: string, size: number) =>
  widest(rows, font, size, (text) =>
    text.split(/\s+|(?<=[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef])/u).map((word) => word.slice(0, 80))
  )

/** Columns at least as wide as their longest word, and as wide as their longest line where there is room. */
const columnWidths = (rows: ReadonlyArray<Row>, font: string, size: number) => {
  const narrow = leastWidths(rows, font, size)
  const left = area.w - sum(narrow)
  if (left < 0) return undefined
  const lines = widest(rows, font, size, (text) => [text.slice(0, 200)])
  const wanted = narrow.map((width, index) => Math.max(lines[index] ?? 0, width))
  const total = sum(wanted)
  if (total <= area.w) return wanted.map((width) => (width / total) * area.w)
  const rate = left / (total - sum(narrow))
  return narrow.map((width, index) => width + ((wanted[index] ?? width) - width) * rate)
}

const rowHeights = (rows: ReadonlyArray<Row>, widths: ReadonlyArray<number>, font: string, size: number) =>
  rows.map((row, at) => {
    const heights = row.map((text, index) => {
      const width = (widths[index] ?? 1) - 2 * cellMargin.x
      return fit.height([{ runs: [{ text }], bold: at === 0, size }], width * 72, font)
    })
    return Math.max(...heights) / 72 + 2 * cellMargin.y
  })

/** A table whose columns do not fit beside each other as several, each with the first column. */
export const columnGroups = ({ columns, rows }: Table, font: string): ReadonlyArray<Table> => {
  const [first = 0, ...others] = leastWidths([columns, ...rows], font, least)
  const groups: Array<Array<number>> = [[0]]
  let used = first
  for (const [index, width] of others.entries()) {
    if (used + width > area.w) {
      groups.push([0])
      used = first
    }
    groups.at(-1)?.push(index + 1)
    used += width
  }
  const pick = (row: Row, group: ReadonlyArray<number>) => group.map((index) => row[index] ?? "")
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

const fitting = (rows: ReadonlyArray<Row>, font: string, size: number) => {
  const widths = columnWidths(rows, font, size)
  if (widths === undefined) return undefined
  const heights = rowHeights(rows, widths, font, size)
  return sum(heights) <= area.h ? { rows, size, widths, heights } : undefined
}

/** An ellipsis with a space before it makes no word wider than its column. */
const apart = (text: string) => text.replace(/(?<=\S)…$/u, " …")

/** Long cells are shortened first, then rows are left out. */
const cutToFit = (all: ReadonlyArray<Row>, font: string) => {
  const known = columnWidths(all, font, least)
  const widths = known ?? (all[0] ?? []).map((_, __, { length }) => area.w / length)
  const fits = (text: string, width = area.w) =>
    (rowHeights([[], [text]], [width], font, least)[1] ?? 0) <= 0.95 &&
    (known !== undefined || (leastWidths([[text]], font, least)[0] ?? 0) <= width)
  const rows = all.map((row) =>
    row.map((text, at) => apart(fit.shortened(text, (shown) => fits(apart(shown), widths[at]))))
  )
  const heights = rowHeights(rows, widths, font, least)
  let count = rows.length
  while (count > 2 && sum(heights.slice(0, count)) > area.h) count--
  return { rows: rows.slice(0, count), size: least, widths, heights: heights.slice(0, count) }
}

const set = (all: ReadonlyArray<Row>, font: string) => {
  const fits = (half: number) => fitting(all, font, half / 2) !== undefined
  return fitting(all, font, fit.largestWhere(least * 2, most * 2, fits) / 2) ?? cutToFit(all, font)
}

export const ofTable = (stage: Stage, slide: SlideOf<"table">): ReadonlyArray<Item> => {
  const all: ReadonlyArray<Row> = [slide.columns, ...slide.rows].map((row) =>
    slide.columns.map((_, index) => String(row[index] ?? ""))
  )
  const { heights, rows, size, widths } = set(all, stage.palette.fonts.body)
  const cut = all.filter((row, index) => rows[index]?.join() !== row.join())
  if (cut.length > 0) stage.cut(cut.map((row) => row.join(" | ")).join("\n"))
  const numeric = slide.columns.map((_, index) => {
    const cells = all.slice(1).flatMap((row) => (row[index] === "" ? [] : [row[index] ?? ""]))
    return cells.length > 0 && cells.filter(isNumeric).length * 3 >= cells.length * 2
  })
  // Rows are spread over the free height, within reason.
  const extra = Math.max(Math.min((area.h - sum(heights)) / rows.length, 0.32), 0)
  return [
    {
      kind: "table",
      name: "Table",
      area: { ...area, h: sum(heights) + extra * rows.length },
      alt: `${slide.headline}: ${slide.columns.join(", ")}`.slice(0, 1000),
      widths,
      heights: heights.map((height) => height + extra),
      rows,
      numeric,
      size
    }
  ]
}
