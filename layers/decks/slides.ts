/** Pieces as pages of an outline: which layout shows them best, which headline states their point. */
import { amount, figure } from "./figures.ts"
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
import type { Chart, ChartKind, Point, Slide, SlideOf } from "./Outline.ts"
import type { Piece } from "./pieces.ts"

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
