/** The display list of a page: text, shapes, pictures, charts and tables, each with its place in inches. */
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
  readonly color?: Color
  /** Points. */
  readonly size?: number
}

export interface Paragraph {
  readonly runs: ReadonlyArray<Run>
  /** Points. */
  readonly size?: number
  readonly color?: Color
  readonly bold?: boolean
  readonly align?: "l" | "ctr" | "r"
  /** `tick` is a small square in the accent colour; `number` counts. */
  readonly bullet?: "tick" | "dash" | "number"
  /** Of the bullet; default the accent. */
  readonly mark?: Color
  readonly level?: 0 | 1 | 2
  /** Of a `number` bullet; default: counted. */
  readonly number?: number
  /** The paragraph runs from right to left, whatever its letters. */
  readonly rtl?: true
  /** Points. */
  readonly before?: number
  /** Of the font's own line; default 1. */
  readonly spacing?: number
  /** Letter-spacing, in points. */
  readonly tracking?: number
}

/** Where text stands within its area. */
export interface Frame {
  readonly anchor?: "t" | "ctr" | "b"
  /** Inches on every side; default 0. */
  readonly inset?: number
}

export interface Placeholder {
  readonly type: "title" | "ctrTitle" | "subTitle" | "body" | "ftr" | "sldNum"
  readonly index?: number
}

export interface Cell {
  readonly runs: ReadonlyArray<Run>
  readonly align: "l" | "r"
}

export type Item =
  | ({
      readonly kind: "text"
      readonly name: string
      readonly placeholder?: Placeholder
      /** Absent: where the layout has it. */
      readonly area?: Area
      readonly paragraphs: ReadonlyArray<Paragraph>
      readonly fill?: Color
      readonly font?: "head" | "body" | "mono"
      /** What stands in the list style of a layout's placeholder. */
      readonly style?: Paragraph
    } & Frame)
  | {
      readonly kind: "shape"
      readonly name: string
      readonly area: Area
      readonly fill: Color
      readonly geometry?: Geometry
    }
  | {
      readonly kind: "picture"
      readonly name: string
      readonly area: Area
      readonly relation: string
      readonly alt: string
      /** Degrees clockwise that the stored picture is turned by; the area is the one after turning. */
      readonly turn?: 90 | 180 | 270
    }
  | {
      readonly kind: "chart"
      readonly name: string
      readonly area: Area
      readonly relation: string
      readonly alt: string
    }
  | {
      readonly kind: "table"
      readonly name: string
      readonly area: Area
      readonly alt: string
      /** Inches. */
      readonly widths: ReadonlyArray<number>
      readonly heights: ReadonlyArray<number>
      readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
      /** The first column is the rightmost. */
      readonly rtl?: true
      readonly size: number
      readonly colors: {
        readonly head: Color
        readonly onHead: Color
        readonly ink: Color
        readonly line: Color
      }
    }

/** `quarter-*` is a quarter of a circle whose centre is that corner. */
export type Geometry =
  "rect" | "ellipse" | "round" | "quarter-tl" | "quarter-tr" | "quarter-bl" | "quarter-br"

/** Ems between the margin and the text of a bullet. */
export const indents = { tick: 1.05, dash: 0.95, number: 1.5 } as const
/** Ems per level of nesting. */
export const levelIndent = 1.155

/** Inches. */
export const cellMargin = { x: 0.2, y: 0.06 } as const
