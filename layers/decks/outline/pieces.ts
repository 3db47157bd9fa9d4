/** Topics as parts of about a page, which can be halved and joined. */
import * as fit from "../page/fit.ts"
import { pointText } from "./headlines.ts"
import { box, listArea, listSizes, measured, setting } from "../page/listing.ts"
import type { Point } from "./Outline.ts"
import type { Topic } from "./Topic.ts"

export type List = Topic & { readonly kind: "list" }
export type Piece = Topic & {
  /** The list that it is of, before it was cut. */
  readonly of?: Topic
  /** Its series were charts of their own. */
  readonly joined?: true
  /** Which part of a topic that takes several pages: `[2, 3]` is the second of three. */
  readonly part?: readonly [number, number]
}

/** Points on one page, as many as are read with ease, and as can be read at all. */
const easy = 6
const most = 14
/** Rows of a table on one page. */
const easyRows = 10

export const fits = (points: ReadonlyArray<Point>, font: string, dense: boolean): boolean =>
  points.length <= (dense ? most : easy) &&
  fit.height(
    measured(points),
    box(listArea).width,
    dense ? listSizes.least : listSizes.natural,
    setting(font)
  ) <= box(listArea).height

/** Where a list may be cut: before a point that does not stand under another. */
const cuts = (points: ReadonlyArray<Point>) =>
  points.map((_, index) => index).filter((index) => index > 0 && points[index]?.level !== 1)

const part = <P extends Piece>(piece: P, index: number, count: number): P =>
  count === 1 ? piece : { ...piece, part: [index + 1, count] as const }

/** A list as parts that fit a page each, of about one length. */
export const paginate = (list: List, font: string): ReadonlyArray<Piece> => {
  const pages: Array<Array<Point>> = [[]]
  for (const [index, point] of list.points.entries()) {
    const page = pages.at(-1) ?? []
    const breakable = index > 0 && point.level !== 1
    if (breakable && !fits([...page, point], font, false)) pages.push([point])
    else page.push(point)
  }
  const each = Math.ceil(list.points.length / pages.length)
  const even: Array<Array<Point>> = [[]]
  for (const [index, point] of list.points.entries()) {
    const page = even.at(-1) ?? []
    if (index > 0 && point.level !== 1 && page.length >= each) even.push([point])
    else page.push(point)
  }
  const balanced = even.length === pages.length && even.every((page) => fits(page, font, false))
  const chosen = balanced ? even : pages
  return chosen.map((points, index) => part({ ...list, points, of: list }, index, chosen.length))
}

/** A long table as parts. */
export const paginateTable = (table: Topic & { readonly kind: "table" }): ReadonlyArray<Piece> => {
  const count = Math.max(1, Math.ceil(table.rows.length / easyRows))
  const each = Math.ceil(table.rows.length / count)
  return Array.from({ length: count }, (_, index) =>
    part({ ...table, rows: table.rows.slice(index * each, (index + 1) * each) }, index, count)
  )
}

/** More numbers than stand on a page, as parts. */
export const paginateNumbers = (piece: Topic & { readonly kind: "numbers" }): ReadonlyArray<Piece> => {
  const count = Math.ceil(piece.numbers.length / 8)
  const each = Math.ceil(piece.numbers.length / count)
  return Array.from({ length: count }, (_, index) =>
    part({ ...piece, numbers: piece.numbers.slice(index * each, (index + 1) * each) }, index, count)
  )
}

/** How much there is to halve; 0: nothing. Lists come first, what stands beside a chart last. */
export const divisible = (piece: Piece): number => {
  switch (piece.kind) {
    case "list":
      // What a heading holds together is taken apart last.
      return cuts(piece.points).length / (piece.heading === undefined ? 1 : 3)
    case "table":
      return piece.rows.length >= 8 ? 0.5 : 0
    case "numbers":
      return piece.numbers.length > 1 ? 0.25 : 0
    case "chart":
    case "figure":
      return piece.points.length > 1 ? 0.1 : 0
    default:
      return 0
  }
}

const apart = <A>(all: ReadonlyArray<A>, at: number) => [all.slice(0, at), all.slice(at)] as const

/** Two parts of what is divisible. */
export const halve = (piece: Piece): readonly [Piece, Piece] | undefined => {
  switch (piece.kind) {
    case "list": {
      const middle = piece.points.length / 2
      const [at] = cuts(piece.points).toSorted((a, b) => Math.abs(a - middle) - Math.abs(b - middle))
      if (at === undefined) return undefined
      const [first, second] = apart(piece.points, at)
      return [
        { ...piece, points: first },
        { ...piece, points: second }
      ]
    }
    case "table": {
      const [first, second] = apart(piece.rows, Math.ceil(piece.rows.length / 2))
      return [
        { ...piece, rows: first },
        { ...piece, rows: second }
      ]
    }
    case "numbers": {
      const [first, second] = apart(piece.numbers, Math.ceil(piece.numbers.length / 2))
      return [
        { ...piece, numbers: first },
        { ...piece, numbers: second }
      ]
    }
    case "chart":
    case "figure": {
      const { heading, points } = piece
      return [
        { ...piece, points: [] },
        { kind: "list", ...(heading !== undefined && { heading }), points }
      ]
    }
    default:
      return undefined
  }
}

/** Short enough for half a page. */
const narrow = ({ heading, points }: List) =>
  heading !== undefined &&
  points.length <= 6 &&
  points.every((point) => point.level !== 1 && pointText(point).length <= 90)

/** Its points, under its heading as one more. */
export const under = ({ heading, points }: List): ReadonlyArray<Point> =>
  heading === undefined
    ? points
    : [{ text: heading }, ...points.map((point) => ({ ...point, level: 1 as const }))]

const column = ({ heading, points }: List) => ({ ...(heading !== undefined && { heading }), points })

/** A list, or two side by side which may be one again. */
export const listOf = (piece: Piece | undefined): List | undefined =>
  piece?.kind === "list"
    ? piece
    : piece?.kind === "columns" && piece.heading === undefined
      ? { kind: "list", points: piece.columns.flatMap((each) => under({ kind: "list", ...each })) }
      : undefined

type ChartPiece = Piece & { readonly kind: "chart" }

/** Charts whose series have all that their headings say. */
export const chartOf = (first: ChartPiece, second: ChartPiece): Piece | undefined => {
  const series = [...first.chart.series, ...second.chart.series]
  const points = [...first.points, ...second.points]
  const named = [first, second].every(
    ({ chart, heading, joined }) =>
      joined === true ||
      (chart.series.length === 1 && chart.series[0]?.name !== "" && heading === chart.series[0]?.name)
  )
  const alike = (chart: ChartPiece["chart"]) =>
    JSON.stringify([chart.labels, chart.prefix, chart.suffix, chart.kind])
  if (!named || series.length > 3 || points.length > 4 || alike(first.chart) !== alike(second.chart))
    return undefined
  return { kind: "chart", joined: true, chart: { ...first.chart, series }, points }
}

/** Two lists as one; those with headings of their own stand side by side, or as points with the others under them. */
export const join = (first: List, second: List): Piece => {
  if (first.heading === second.heading) return { ...first, points: [...first.points, ...second.points] }
  if (narrow(first) && narrow(second)) return { kind: "columns", columns: [first, second].map(column) }
  return { kind: "list", points: [...under(first), ...under(second)] }
}
