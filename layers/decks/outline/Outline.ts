/** What a deck says, page by page, without how it looks: rules write it today, and a language model may. */
import { Schema } from "effect"

const Line = Schema.String

/** A point, with the words that it begins with in bold. */
export const Point = Schema.Struct({
  lead: Schema.optionalKey(Line),
  text: Line,
  /** 1 stands under the point before. */
  level: Schema.optionalKey(Schema.Literals([0, 1]))
})
export type Point = typeof Point.Type

export const ChartKind = Schema.Literals(["column", "bar", "line", "doughnut"])
export type ChartKind = typeof ChartKind.Type

export const Chart = Schema.Struct({
  kind: ChartKind,
  labels: Schema.Array(Line),
  series: Schema.Array(Schema.Struct({ name: Line, values: Schema.Array(Schema.Finite) })),
  /** Before a number, as `$`; behind it, as `%` or ` m`. */
  prefix: Schema.optionalKey(Line),
  suffix: Schema.optionalKey(Line),
  /** The label that the headline speaks of. */
  highlight: Schema.optionalKey(Schema.Int)
})
export type Chart = typeof Chart.Type

const shared = {
  /** States the point of the page. */
  headline: Line,
  /** For whoever speaks. */
  notes: Schema.optionalKey(Line)
}
const points = Schema.Array(Point)

export const Title = Schema.Struct({
  layout: Schema.Literal("title"),
  ...shared,
  /** A line above the headline: who it is for. */
  kicker: Schema.optionalKey(Line),
  subtitle: Schema.optionalKey(Line)
})
export const SectionSlide = Schema.Struct({
  layout: Schema.Literal("section"),
  ...shared,
  number: Schema.Int
})
export const Bullets = Schema.Struct({
  layout: Schema.Literal("bullets"),
  ...shared,
  points,
  numbered: Schema.optionalKey(Schema.Boolean)
})
export const Columns = Schema.Struct({
  layout: Schema.Literal("columns"),
  ...shared,
  columns: Schema.Array(Schema.Struct({ heading: Schema.optionalKey(Line), points }))
})
export const ChartSlide = Schema.Struct({
  layout: Schema.Literal("chart"),
  ...shared,
  chart: Chart,
  points
})
export const TableSlide = Schema.Struct({
  layout: Schema.Literal("table"),
  ...shared,
  columns: Schema.Array(Line),
  rows: Schema.Array(Schema.Array(Line))
})
export const Quote = Schema.Struct({
  layout: Schema.Literal("quote"),
  ...shared,
  by: Schema.optionalKey(Line)
})
export const Figure = Schema.Struct({
  layout: Schema.Literal("figure"),
  ...shared,
  /** Its address, or its data as `data:image/png;base64,…`. */
  image: Line,
  alt: Line,
  points
})
export const Numbers = Schema.Struct({
  layout: Schema.Literal("numbers"),
  ...shared,
  numbers: Schema.Array(Schema.Struct({ value: Line, label: Line }))
})
/** One number, and the headline as what it says. */
export const Number = Schema.Struct({
  layout: Schema.Literal("number"),
  ...shared,
  /** A line above it: what it belongs to. */
  kicker: Schema.optionalKey(Line),
  value: Line
})
export const Statement = Schema.Struct({
  layout: Schema.Literal("statement"),
  ...shared,
  kicker: Schema.optionalKey(Line),
  text: Schema.optionalKey(Line)
})
export const Closing = Schema.Struct({ layout: Schema.Literal("closing"), ...shared, points })

export const Slide = Schema.Union([
  Title,
  SectionSlide,
  Bullets,
  Columns,
  ChartSlide,
  TableSlide,
  Quote,
  Figure,
  Numbers,
  Number,
  Statement,
  Closing
])
export type Slide = typeof Slide.Type
export type Layout = Slide["layout"]
export type SlideOf<L extends Layout> = Extract<Slide, { readonly layout: L }>

export const Outline = Schema.Struct({
  title: Line,
  /** Stands at the foot of every page. */
  footer: Line,
  slides: Schema.Array(Slide)
})
export type Outline = typeof Outline.Type
