/** Sets text: at the largest size that fits its place, shortened where none does; and draws panels behind it. */
import type { Area, Item, Paragraph, TextItem } from "./Item.ts"
import * as fit from "./fit.ts"
import { gap, listHeight, listSize, listSizes, paragraphs } from "./listing.ts"
import type { Point } from "../outline/Outline.ts"
import type { Picture } from "../Picture.ts"
import type { Place } from "./places.ts"
import type { Color, Palette } from "../Theme.ts"

/** What a page is drawn with. */
export interface Stage {
  readonly palette: Palette
  /** The places of the layout, by the names of fields. */
  readonly texts: Readonly<Record<string, Place>>
  /** The deck runs from right to left. */
  readonly rtl?: boolean
  readonly pictures: ReadonlyMap<string, Picture>
  /** Says that something is not shown whole. */
  readonly cut: (what: string) => void
}

interface Setting {
  readonly area: Area
  readonly most: number
  readonly least: number
  readonly font?: TextItem["font"]
  readonly bold?: boolean
  readonly spacing?: number
}

/** A little smaller, where that makes a line less: a headline does not end in a line of one word. */
const withoutWidow = (text: ReadonlyArray<fit.Paragraph>, width: number, size: number, set: fit.Setting) => {
  const lines = (at: number) => fit.height(text, width, at, set) / at
  for (let smaller = size; smaller >= size * 0.84; smaller -= 0.5)
    if (lines(smaller) < lines(size) - 0.01) return smaller
  return size
}

/** The text as far as it fits, at the size at which it does. */
const fitted = (stage: Stage, text: string, given: Setting): Paragraph => {
  const { area, bold = false, font = "body", least, spacing = 1 } = given
  const { body, head } = stage.palette.fonts
  const set = { font: font === "head" ? head : body, spacing }
  const as = (shown: string) => [{ runs: [{ text: shown, bold }] }]
  const size = fit.largest(as(text), area, given, set)
  if (size !== undefined) {
    const neat = bold ? withoutWidow(as(text), area.w * 72, size, set) : size
    return { runs: [{ text }], size: neat, spacing }
  }
  stage.cut(text)
  const fits = (shown: string) => fit.height(as(shown), area.w * 72, least, set) <= area.h * 72
  return { runs: [{ text: fit.shortened(text, fits) }], size: least, spacing }
}

/** Text in a placeholder of the layout. */
export const put = (stage: Stage, place: Place, text: string): TextItem => {
  const { kind, name, placeholder, style } = place
  return { kind, name, placeholder, style, paragraphs: [fitted(stage, text, { ...style, ...place })] }
}

/** Text elsewhere. */
export const label = (
  stage: Stage,
  name: string,
  text: string,
  style: Setting & {
    readonly color: Color
    readonly anchor?: "t" | "ctr" | "b"
    readonly align?: "l" | "r"
  }
): Item => {
  const { align, anchor = "t", area, bold = false, color, font = "body" } = style
  const paragraph = { ...fitted(stage, text, style), bold, color, ...(align !== undefined && { align }) }
  return { kind: "text", name, area, anchor, font, paragraphs: [paragraph] }
}

/** As many points as fit, at the size at which they do; the last may be shortened. */
const fittedList = (stage: Stage, points: ReadonlyArray<Point>, area: Area, most: number) => {
  const { least } = listSizes
  const at = (shown: ReadonlyArray<Point>) => listSize(shown, area, most, stage.palette.fonts.body)
  const size = at(points)
  if (size !== undefined) return { points, size }
  let count = 0
  while (at(points.slice(0, count + 1)) !== undefined) count++
  const whole = points.slice(0, count)
  const left = points.slice(count)
  stage.cut(left.map(({ text }) => text).join("\n"))
  const [next] = left
  if (next === undefined) return { points: whole, size: least }
  const shown = (text: string) => [...whole, { ...next, text }]
  const fits = (text: string) => at(shown(text)) !== undefined
  // An ellipsis after a word or two says nothing.
  const rest = fits("…") ? fit.shortened(next.text, fits) : ""
  return { points: rest.length > 20 || count === 0 ? shown(rest || "…") : whole, size: least }
}

const listParagraphs = (stage: Stage, points: ReadonlyArray<Point>, area: Area, most: number) => {
  const shown = fittedList(stage, points, area, most)
  const height = listHeight(shown.points, area.w, shown.size, stage.palette.fonts.body)
  // A few points breathe: part of the room that is left goes between them.
  const more = shown.points.length < 2 ? 0 : (area.h * 72 - height) / (shown.points.length - 1) / shown.size
  return paragraphs(shown.points, shown.size, gap + Math.min(Math.max(more - 0.1, 0) * 0.6, 0.9))
}

/** A list in a placeholder of the layout. */
export const putList = (stage: Stage, place: Place, points: ReadonlyArray<Point>): TextItem => {
  const { area, kind, most, name, placeholder, style } = place
  const { color, mark } = style
  const set = { ...(color !== undefined && { color }), ...(mark !== undefined && { mark }) }
  const shown = listParagraphs(stage, points, area, most)
  return { kind, name, placeholder, style, paragraphs: shown.map((each) => ({ ...each, ...set })) }
}

/** A list elsewhere. */
export const list = (
  stage: Stage,
  points: ReadonlyArray<Point>,
  area: Area,
  most: number,
  anchor: "t" | "ctr" = "ctr"
): Item => {
  const { ink: color } = stage.palette
  const shown = listParagraphs(stage, points, area, most).map((each) => ({ ...each, color }))
  return { kind: "text", name: "List", area, anchor, paragraphs: shown }
}

export const panel = (area: Area, fill: Color): Item => ({ kind: "shape", name: "Panel", area, fill })

/** A panel with a coloured edge at the top. */
export const card = ({ palette }: Stage, area: Area, index: number): ReadonlyArray<Item> => [
  panel(area, palette.surface),
  panel({ ...area, h: 0.07 }, index % 2 === 0 ? palette.accent : palette.second)
]

export const inside = ({ h, w, x, y }: Area, by = 0.32): Area => ({
  x: x + by,
  y: y + by,
  w: w - 2 * by,
  h: h - 2 * by
})

/** What is left of an area below its first inches. */
export const below = (area: Area, inches: number): Area => ({
  ...area,
  y: area.y + inches,
  h: area.h - inches
})

/** One of `count` areas beside each other. */
export const part = ({ h, w, x, y }: Area, index: number, count: number, space = 0.35): Area => {
  const each = (w - space * (count - 1)) / count
  return { x: x + index * (each + space), y, w: each, h }
}
