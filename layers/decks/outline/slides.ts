/** Pieces as pages of an outline: which layout shows them best, which headline states their point. */
import { amount, figure } from "./figures.ts"
import { isStatement, isTime, movements, observations, ofChart, pointText } from "./headlines.ts"
import { capital, joined, led, mostStatement, ofLine, sentence, type Naming } from "./led.ts"
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

/** What a point is a number of: `Time to repair: 35 minutes`, `Market share +3%`. */
const numberOf = (point: Point) =>
  point.lead !== undefined && point.text.length <= 12 && amount(point.text) !== undefined
    ? { value: point.text, label: point.lead }
    : figure(pointText(point))

const short = (point: Point) => pointText(point).length <= 60 && point.level !== 1

/** The page of a list. */
const ofList = (list: Piece & { readonly kind: "list" }, naming: Naming): Slide => {
  const { heading, points } = list
  const { wording } = naming
  const [only] = points
  const said = notes([heading ?? "", ...points.map(pointText)])
  if (only === undefined) return { layout: "statement", headline: heading ?? "", ...notes([heading ?? ""]) }
  const figures = points.map((point) => (short(point) ? numberOf(point) : undefined))
  const numbers = figures.filter((each) => each !== undefined)
  const [number] = numbers
  const kicker = heading === undefined ? {} : { kicker: capital(heading) }
  if (points.length === 1 && number !== undefined && number.value.length <= 12)
    return { layout: "number", headline: sentence(pointText(only)), value: number.value, ...kicker, ...said }
  if (
    numbers.length === points.length &&
    numbers.length <= 4 &&
    numbers.every(({ value }) => value.length <= 9)
  ) {
    const named =
      numbers.length < 4
        ? joined(
            numbers.map(({ label: name }) => name),
            naming
          )
        : undefined
    const headline =
      heading === undefined ? (named ?? wording.inNumbers(naming.subject)) : label(heading, list)
    return { layout: "numbers", headline, numbers, ...said }
  }
  if (points.length === 1) return { layout: "statement", ...ofLine(only), ...kicker, ...said }
  if (heading !== undefined) return { layout: "bullets", headline: label(heading, list), points, ...said }
  const { headline, points: others } = led(points, naming)
  const [other] = others
  if (
    other !== undefined &&
    others.length === 1 &&
    headline.length <= mostStatement &&
    pointText(other).length <= 200
  )
    return { layout: "statement", headline, text: pointText(other), ...said }
  return other === undefined
    ? { layout: "statement", headline, ...said }
    : { layout: "bullets", headline, points: others, ...said }
}

/** Names and amounts of one unit say which is the largest. */
const leading = (rows: ReadonlyArray<ReadonlyArray<string>>, heading: string, { wording }: Naming) => {
  const amounts = rows.map((row) => (row.length === 2 ? amount(row[1] ?? "") : undefined))
  const found = amounts.filter((each) => each !== undefined)
  const [first] = found
  if (first === undefined || found.length < Math.max(3, rows.length)) return heading
  if (found.some(({ prefix, suffix }) => prefix !== first.prefix || suffix !== first.suffix)) return heading
  const most = found.reduce((best, { value }, index) => (value > (found[best]?.value ?? 0) ? index : best), 0)
  return wording.leads(heading, rows[most]?.[0] ?? "", found[most]?.text ?? "")
}

const ofTable = (table: Piece & { readonly kind: "table" }, naming: Naming): SlideOf<"table"> => {
  const { columns, heading, rows } = table
  const headline =
    heading === undefined
      ? naming.wording.glance(naming.subject)
      : isStatement(heading) || table.part !== undefined
        ? heading
        : leading(rows, heading, naming)
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

const ofChartPiece = (piece: Piece & { readonly kind: "chart" }, { wording }: Naming): SlideOf<"chart"> => {
  const { chart: given, heading, points } = piece
  const chart: Chart = { ...given, kind: given.kind ?? chosenKind(given) }
  const states = heading !== undefined && isStatement(heading)
  const reading = ofChart(chart, heading, wording)
  const series = chart.series.map(
    ({ name, values }) =>
      `${name === "" ? "" : `${name}: `}${chart.labels.map((each, index) => `${each} ${values[index] ?? 0}`).join(", ")}`
  )
  return {
    layout: "chart",
    headline: states ? heading : ((piece.joined && movements(chart, wording)) ?? reading.headline),
    chart: { ...chart, ...(reading.highlight !== undefined && { highlight: reading.highlight }) },
    points: points.length > 0 ? points : observations(chart, wording),
    ...notes([heading ?? "", ...series, ...points.map(pointText)])
  }
}

const key = /^[^:]{1,40}: /u

/** Whether a page's headline says something of the details, and does not only name them. */
export const tells = (piece: Piece, { headline, layout }: Slide): boolean => {
  if (layout === "number") return true
  if (layout === "statement") return !key.test(headline) || isStatement(headline.split(":")[0] ?? "")
  if (layout === "section" || layout === "quote") return false
  const heading = "heading" in piece ? piece.heading : undefined
  if (piece.kind === "chart")
    return heading !== undefined || piece.chart.series.some(({ name }) => name !== "")
  if (heading !== undefined) return isStatement(heading)
  return piece.kind === "list" && piece.points.some((point) => sentence(pointText(point)) === headline)
}

/** A piece as a page. */
export const toSlide = (piece: Piece, naming: Naming, section: number): Slide => {
  switch (piece.kind) {
    case "section":
      return { layout: "section", headline: piece.heading, number: section }
    case "list":
      return ofList(piece, naming)
    case "chart":
      return ofChartPiece(piece, naming)
    case "table":
      return ofTable(piece, naming)
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
      const headline = piece.heading ?? naming.wording.inNumbers(naming.subject)
      return {
        layout: "numbers",
        headline,
        numbers: piece.numbers,
        ...notes([headline, ...piece.numbers.map(({ label: what, value }) => `${what}: ${value}`)])
      }
    }
    case "figure": {
      const { alt = piece.heading ?? "", image, points } = piece
      const headline = piece.heading ?? (alt === "" ? naming.subject : alt)
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
      const headline =
        piece.heading ?? naming.wording.join([first?.heading ?? "", second?.heading ?? ""].filter(Boolean))
      const lines = piece.columns.flatMap(({ heading = "", points }) => [heading, ...points.map(pointText)])
      return { layout: "columns", headline, columns: piece.columns, ...notes([headline, ...lines]) }
    }
  }
}
