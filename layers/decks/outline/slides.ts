/** Turns blocks into slides: the headline is the heading, or the label of the deck; nothing is computed or ranked. */
import { isTime, namedAmount, type Decimal } from "./amounts.ts"
import type { Block, BlockOf } from "./Block.ts"
import type { ChartKind, Point, Slide } from "./Outline.ts"
import { splitPoints } from "./paginate.ts"
import { pointText } from "./plainText.ts"

export interface Labels {
  /** Headline of what has no heading. */
  readonly label: string
  /** What each detail is, above one that has a slide to itself. */
  readonly type: string
  readonly decimal: Decimal | undefined
}

const mostStatement = 160
const mostText = 400
const mostInColumn = 14
const mostFigures = 4
const mostFigureLength = 10

const defaultKind = ({ labels, series }: BlockOf<"chart">["chart"]): ChartKind =>
  isTime(labels)
    ? labels.length * series.length > 12 || labels.length > 6
      ? "line"
      : "column"
    : labels.length > 7 || labels.some((text) => text.length > 12)
      ? "bar"
      : "column"

const figureOf = (point: Point, decimal: Decimal | undefined) => {
  const found = point.text.length <= mostFigureLength ? namedAmount(point, decimal) : undefined
  return found?.isFigure === true ? { value: point.text, label: found.label } : undefined
}

const ofPoint = (point: Point, heading: string | undefined, { decimal, label, type }: Labels): Slide => {
  const text = pointText(point)
  const figure = figureOf(point, decimal)
  const above = heading ?? type
  const kicker = above === "" || above === point.lead ? {} : { kicker: above }
  if (figure !== undefined)
    return { layout: "number", headline: figure.label, value: figure.value, ...kicker }
  if (point.number === undefined && heading !== undefined && text.length <= mostText)
    return { layout: "statement", headline: heading, text }
  if (heading === undefined && point.lead !== undefined && text.length > 60 && text.length <= mostText)
    return { layout: "statement", headline: point.lead, text: point.text, ...kicker }
  if (heading === undefined && text.length <= mostStatement)
    return { layout: "statement", headline: text.replace(/(?<=[^.])\.$/u, ""), ...kicker }
  return { layout: "bullets", headline: heading ?? label, points: [point] }
}

const ofList = ({ heading, points }: BlockOf<"list">, headline: string, labels: Labels): Slide => {
  const [only] = points
  if (only === undefined) return { layout: "statement", headline }
  if (points.length === 1) return ofPoint(only, heading, labels)
  const figures = points.map((point) => figureOf(point, labels.decimal)).filter((each) => each !== undefined)
  if (figures.length === points.length && figures.length <= mostFigures)
    return { layout: "numbers", headline, numbers: figures }
  if (points.length <= mostInColumn) return { layout: "bullets", headline, points }
  const columns = splitPoints(points, points.length > 2 * mostInColumn ? 3 : 2)
  return { layout: "columns", headline, columns: columns.map((part) => ({ points: part })) }
}

const toSlide = (block: Block, part: string, section: number, labels: Labels): Slide => {
  const headline = `${block.heading ?? labels.label}${part}`
  switch (block.kind) {
    case "section":
      return { layout: "section", headline: block.heading, number: section }
    case "list":
      return ofList(block, headline, labels)
    case "chart": {
      const { chart, points } = block
      const name =
        chart.series.length === 1 && chart.series[0]?.name !== "" ? chart.series[0]?.name : undefined
      return {
        layout: "chart",
        headline: block.heading ?? name ?? labels.label,
        chart: { ...chart, kind: chart.kind ?? defaultKind(chart) },
        points
      }
    }
    case "table":
      return { layout: "table", headline, columns: block.columns, rows: block.rows }
    case "numbers":
      return { layout: "numbers", headline, numbers: block.numbers }
    case "columns":
      return { layout: "columns", headline, columns: block.columns }
    case "code":
      return { layout: "code", headline, code: block.code }
    case "quote": {
      const { by, heading, quote } = block
      return {
        layout: "quote",
        headline: quote,
        ...(by !== undefined && { by }),
        ...(heading !== undefined && { kicker: heading })
      }
    }
    case "figure": {
      const { alt, heading, image, points } = block
      return {
        layout: "figure",
        headline: heading ?? alt ?? labels.label,
        image,
        alt: alt ?? heading ?? "",
        points
      }
    }
  }
}

/** The slides of a block in these parts; a heading on several slides is numbered. */
export const toSlides = (
  parts: ReadonlyArray<Block>,
  section: number,
  labels: Labels
): ReadonlyArray<Slide> =>
  parts.map((part, index) => {
    const slide = toSlide(
      part,
      part.heading === undefined || parts.length === 1 ? "" : ` (${index + 1}/${parts.length})`,
      section,
      labels
    )
    return part.notes === undefined ? slide : { ...slide, notes: part.notes.join("\n") }
  })
