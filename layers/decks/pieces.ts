/** Topics as parts of about a page, which can be halved, joined and turned into a page. */
import { amount, figure } from "./figures.ts"
import * as fit from "./fit.ts"
import {
  clause,
  isStatement,
  isTime,
  longest,
  observations,
  ofChart,
  pointText,
  strongest
} from "./headlines.ts"
import { box, listArea, listSizes, measured, setting } from "./listing.ts"
import type { Chart, ChartKind, Point, Slide, SlideOf } from "./Outline.ts"
import type { Topic } from "./topics.ts"

export type List = Topic & { readonly kind: "list" }
export type Solo = Exclude<Topic, List | { readonly kind: "section" }>
export type Piece = Topic & {
  /** Which part of a topic that takes several pages: `[2, 3]` is the second of three. */
  readonly part?: readonly [number, number]
}

/** Points on one page, as many as are read with ease, and as can be read at all. */
const easy = 6
const most = 14
export const tableRows = { easy: 10, most: 16 } as const

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
  return chosen.map((points, index) => part({ ...list, points }, index, chosen.length))
}

/** A long table as parts. */
export const paginateTable = (table: Topic & { readonly kind: "table" }): ReadonlyArray<Piece> => {
  const count = Math.max(1, Math.ceil(table.rows.length / tableRows.easy))
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
      return cuts(piece.points).length
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

/** Two lists as one; those with headings of their own stand side by side, or as points with the others under them. */
export const join = (first: List, second: List): Piece => {
  if (first.heading === second.heading) return { ...first, points: [...first.points, ...second.points] }
  if (narrow(first) && narrow(second)) return { kind: "columns", columns: [first, second] }
  return { kind: "list", points: [...under(first), ...under(second)] }
}

const label = (text: string, piece: Piece) =>
  piece.part === undefined ? text : `${text} (${piece.part[0]}/${piece.part[1]})`

const notes = (lines: ReadonlyArray<string>) => {
  const said = lines.filter((line) => line !== "").join("\n")
  return said === "" ? {} : { notes: said }
}

const chosenKind = (chart: Omit<Chart, "kind">): ChartKind => {
  const [first, ...others] = chart.series
  const values = first?.values ?? []
  const time = isTime(chart.labels)
  if (time) return chart.labels.length > 6 ? "line" : "column"
  const sum = values.reduce((total, value) => total + value, 0)
  const parts =
    chart.suffix?.trim() === "%" && Math.abs(sum - 100) < 1.5 && values.every((value) => value >= 0)
  if (parts && others.length === 0 && chart.labels.length <= 6) return "doughnut"
  const long = chart.labels.some((text) => text.length > 12) || chart.labels.length > 7
  return long ? "bar" : "column"
}

/** Headlines have no full stop. */
const sentence = (text: string) => text.replace(/\.$/, "")

/** What a point is a number of: `Time to repair: 35 minutes`, `Market share +3%`. */
const numberOf = (point: Point) =>
  point.lead !== undefined && point.text.length <= 12 && amount(point.text) !== undefined
    ? { value: point.text, label: point.lead }
    : figure(pointText(point))

const short = (point: Point) => pointText(point).length <= 60 && point.level !== 1

/** `Highlight` → `Highlights`. */
export const plural = (type: string): string =>
  type === "" ? "" : /s$/i.test(type) ? type : `${type}s`.replace(/([^aeiou])ys$/i, "$1ies")

/** The page of a list. */
const ofList = (list: Piece & { readonly kind: "list" }, type: string): Slide => {
  const { heading, points } = list
  const [only] = points
  const said = notes([heading ?? "", ...points.map(pointText)])
  if (only === undefined) return { layout: "statement", headline: heading ?? "", ...notes([heading ?? ""]) }
  const figures = points.map((point) => (short(point) ? numberOf(point) : undefined))
  const numbers = figures.filter((each) => each !== undefined)
  const [number] = numbers
  const kicker = heading === undefined ? {} : { kicker: heading }
  if (points.length === 1 && number !== undefined && number.value.length <= 12)
    return { layout: "number", headline: sentence(pointText(only)), value: number.value, ...kicker, ...said }
  if (
    numbers.length === points.length &&
    numbers.length <= 4 &&
    numbers.every(({ value }) => value.length <= 9)
  ) {
    const headline =
      heading !== undefined
        ? label(heading, list)
        : type === ""
          ? pointText(only)
          : `${plural(type)} in numbers`
    return { layout: "numbers", headline, numbers, ...said }
  }
  if (points.length === 1) {
    const text = pointText(only)
    return text.length <= 160
      ? { layout: "statement", headline: sentence(text), ...kicker, ...said }
      : { layout: "statement", headline: clause(text), text, ...kicker, ...said }
  }
  if (heading !== undefined) return { layout: "bullets", headline: label(heading, list), points, ...said }
  const lead = strongest(points)
  const leading = pointText(points[lead] ?? only)
  const follows = points[lead + 1]?.level === 1
  const taken = leading.length <= longest && points.length > 2 && !follows
  return {
    layout: "bullets",
    headline: clause(leading),
    points: taken ? points.filter((_, index) => index !== lead) : points,
    ...said
  }
}

const ofTable = (table: Piece & { readonly kind: "table" }, type: string): SlideOf<"table"> => {
  const { columns, heading, rows } = table
  const [first = ""] = columns
  const headline = heading ?? `${plural(first.length > 2 ? first : type) || "Numbers"} at a glance`
  return {
    layout: "table",
    headline: label(headline, table),
    columns,
    rows,
    ...notes([
      headline,
      ...rows.map((row) => row.map((cell, index) => `${columns[index] ?? ""}: ${cell}`).join(", "))
    ])
  }
}

const ofChartPiece = (piece: Piece & { readonly kind: "chart" }): SlideOf<"chart"> => {
  const { chart: given, heading, points } = piece
  const chart: Chart = { ...given, kind: given.kind ?? chosenKind(given) }
  const states = heading !== undefined && isStatement(heading)
  const reading = ofChart(chart, heading)
  const series = chart.series.map(
    ({ name, values }) =>
      `${name === "" ? "" : `${name}: `}${chart.labels.map((each, index) => `${each} ${values[index] ?? 0}`).join(", ")}`
  )
  return {
    layout: "chart",
    headline: states ? heading : reading.headline,
    chart: { ...chart, ...(reading.highlight !== undefined && { highlight: reading.highlight }) },
    points: points.length > 0 ? points : observations(chart),
    ...notes([heading ?? "", ...series, ...points.map(pointText)])
  }
}

/** A piece as a page. `type` is what the details are, as `Highlight`. */
export const toSlide = (piece: Piece, type: string, section: number): Slide => {
  switch (piece.kind) {
    case "section":
      return { layout: "section", headline: piece.heading, number: section }
    case "list":
      return ofList(piece, type)
    case "chart":
      return ofChartPiece(piece)
    case "table":
      return ofTable(piece, type)
    case "quote":
      return {
        layout: "quote",
        headline: piece.quote,
        ...(piece.by !== undefined && { by: piece.by }),
        ...notes([piece.quote, piece.by ?? ""])
      }
    case "numbers": {
      const [first, ...others] = piece.numbers
      if (first !== undefined && others.length === 0) {
        const said = `${first.label}: ${first.value}`
        return {
          layout: "number",
          headline: first.label,
          value: first.value,
          ...(piece.heading !== undefined && { kicker: piece.heading }),
          ...notes([piece.heading ?? "", said])
        }
      }
      const headline = piece.heading ?? `${plural(type) || "Results"} in numbers`
      return {
        layout: "numbers",
        headline,
        numbers: piece.numbers,
        ...notes([headline, ...piece.numbers.map(({ label: what, value }) => `${what}: ${value}`)])
      }
    }
    case "figure": {
      const { alt = piece.heading ?? "", image, points } = piece
      const headline = piece.heading ?? (alt === "" ? plural(type) : alt)
      return {
        layout: "figure",
        headline,
        image,
        alt,
        points,
        ...notes([headline, alt, ...points.map(pointText)])
      }
    }
    case "columns": {
      const [first, second] = piece.columns
      const headline = piece.heading ?? [first?.heading, second?.heading].filter(Boolean).join(" and ")
      const lines = piece.columns.flatMap(({ heading = "", points }) => [heading, ...points.map(pointText)])
      return { layout: "columns", headline, columns: piece.columns, ...notes([headline, ...lines]) }
    }
  }
}
