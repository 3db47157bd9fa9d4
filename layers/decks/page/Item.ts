/** The display list of a page: text, shapes, pictures, charts and tables, each with its place in inches. */
import type { Chart } from "../outline/Outline.ts"
import type { Picture } from "../Picture.ts"
import type { Color } from "../Theme.ts"

/** Inches from the upper left corner; a page is 13⅓ × 7½. */
export interface Area {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}
export const page: Area = { x: 0, y: 0, w: 40 / 3, h: 7.5 }

export interface Run {
  readonly text: string
  readonly bold?: boolean
}

/** Sizes and spaces are points. */
export interface Style {
  readonly size?: number
  readonly color?: Color
  readonly bold?: boolean
  readonly align?: "l" | "r"
  /** `tick` is a small square in the accent colour; `number` counts. */
  readonly bullet?: "tick" | "dash" | "number"
  /** Colour of the bullet; default the accent. */
  readonly mark?: Color
  readonly level?: number
  /** Of a `number` bullet; default: counted. */
  readonly number?: number
  /** The paragraph runs from right to left, whatever its letters. */
  readonly rtl?: true
  readonly before?: number
  /** Of the font's own line; default 1. */
  readonly spacing?: number
}

export interface Paragraph extends Style {
  readonly runs: ReadonlyArray<Run>
}

export interface Placeholder {
  readonly type: "title" | "ctrTitle" | "subTitle" | "body" | "ftr" | "sldNum"
  readonly index?: number
}

export interface DrawnChart extends Chart {
  /** Start of the value axis; absent: 0. */
  readonly minimum?: number
  readonly rtl?: true
}

/** `quarter-*` is a quarter of a circle whose centre is that corner. */
export type Geometry =
  "rect" | "ellipse" | "round" | "quarter-tl" | "quarter-tr" | "quarter-bl" | "quarter-br"

export interface TextItem {
  readonly kind: "text"
  readonly name: string
  readonly placeholder?: Placeholder
  /** Absent: where the layout has it. */
  readonly area?: Area
  readonly anchor?: "t" | "ctr" | "b"
  readonly font?: "head" | "body" | "mono"
  readonly paragraphs: ReadonlyArray<Paragraph>
  /** Of the placeholder, as the layout has it; absent: the text is in no placeholder. */
  readonly style?: Style
}

interface Placed<Kind extends string> {
  readonly kind: Kind
  readonly name: string
  readonly area: Area
}
export type ShapeItem = Placed<"shape"> & { readonly fill: Color; readonly geometry?: Geometry }
export type PictureItem = Placed<"picture"> & { readonly picture: Picture; readonly alt: string }
export type ChartItem = Placed<"chart"> & { readonly chart: DrawnChart; readonly alt: string }
export type TableItem = Placed<"table"> & {
  readonly alt: string
  /** Inches. */
  readonly widths: ReadonlyArray<number>
  readonly heights: ReadonlyArray<number>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
  /** Columns of numbers, which are aligned at the end. */
  readonly numeric: ReadonlyArray<boolean>
  /** The first column is the rightmost. */
  readonly rtl?: true
  /** Points. */
  readonly size: number
}
export type Item = TextItem | ShapeItem | PictureItem | ChartItem | TableItem

/** Ems between the margin and the text of a bullet. */
export const indents = { tick: 1.05, dash: 0.95, number: 1.5 } as const
/** Ems per level of nesting. */
export const levelIndent = 1.155

/** Inches. */
export const cellMargin = { x: 0.2, y: 0.06 } as const
