/** Sets text: at the largest size that fits its place, shortened where none does; and draws panels behind it. */
import type { Area, Item, Paragraph, TextItem } from "./Item.ts"
import * as fit from "./fit.ts"
import { gap, listSizes, paragraphs } from "./listing.ts"
import type { Point } from "../outline/Outline.ts"
import type { Picture } from "../Picture.ts"
import type { Place } from "./places.ts"
import type { Color, Palette } from "../Theme.ts"

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

/** The text as far as it fits, at the size at which it does. */
const fitted = (stage: Stage, text: string, given: Setting): Paragraph => {
  const { area, bold = false, font = "body", least, spacing = 1 } = given
  const face = stage.palette.fonts[font === "head" ? "head" : "body"]
  const at = (size: number, shown = text): Paragraph => ({ runs: [{ text: shown }], bold, size, spacing })
  const height = (size: number, shown?: string) => fit.height([at(size, shown)], area.w * 72, face)
  const size = fit.largest((each) => [at(each)], area, given, face)
  if (size === undefined) {
    stage.cut(text)
    return at(
      least,
      fit.shortened(text, (shown) => height(least, shown) <= area.h * 72)
    )
  }
  // A little smaller, where that makes a line less: a headline does not end in a line of one word.
  const smaller = Array.from({ length: bold ? size * 0.32 : 0 }, (_, index) => size - (index + 1) / 2)
  return at(smaller.find((each) => height(each) / each < height(size) / size - 0.01) ?? size)
}

export const put = (stage: Stage, place: Place, text: string): TextItem => {
  const { kind, name, placeholder, style } = place
  return { kind, name, placeholder, style, paragraphs: [fitted(stage, text, { ...style, ...place })] }
}

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
  const { align, anchor = "t", area, color, font = "body" } = style
  const paragraph = { ...fitted(stage, text, style), color, ...(align !== undefined && { align }) }
  return { kind: "text", name, area, anchor, font, paragraphs: [paragraph] }
}

/** As many points as fit, at the size at which they do; the last may be shortened. */
const fittedList = (stage: Stage, points: ReadonlyArray<Point>, area: Area, most: number) => {
  const { least } = listSizes
  const { body } = stage.palette.fonts
  const size = fit.largest((each) => paragraphs(points, each), area, { least, most }, body)
  if (size !== undefined) return { points, size }
  const fits = (shown: ReadonlyArray<Point>) =>
    fit.height(paragraphs(shown, least), area.w * 72, body) <= area.h * 72
  const count = fit.largestWhere(0, points.length - 1, (first) => fits(points.slice(0, first)))
  const whole = points.slice(0, count)
  stage.cut(
    points
      .slice(count)
      .map(({ text }) => text)
      .join("\n")
  )
  const shown = (text: string) => points.slice(count, count + 1).map((next) => ({ ...next, text }))
  const fitsNext = (text: string) => fits([...whole, ...shown(text)])
  // An ellipsis after a word or two says nothing.
  const rest = fitsNext("…") ? fit.shortened(points[count]?.text ?? "", fitsNext) : ""
  return { points: rest.length > 20 || count === 0 ? [...whole, ...shown(rest || "…")] : whole, size: least }
}

const listParagraphs = (stage: Stage, given: ReadonlyArray<Point>, area: Area, most: number) => {
  const { points, size } = fittedList(stage, given, area, most)
  const height = fit.height(paragraphs(points, size), area.w * 72, stage.palette.fonts.body)
  // A few points breathe: part of the room that is left goes between them.
  const more = points.length < 2 ? 0 : (area.h * 72 - height) / (points.length - 1) / size
  return paragraphs(points, size, gap + Math.min(Math.max(more - 0.1, 0) * 0.6, 0.9))
}

export const putList = (stage: Stage, place: Place, points: ReadonlyArray<Point>): TextItem => {
  const { area, kind, most, name, placeholder, style } = place
  const { color, mark } = style
  const set = { ...(color !== undefined && { color }), ...(mark !== undefined && { mark }) }
  const shown = listParagraphs(stage, points, area, most)
  return { kind, name, placeholder, style, paragraphs: shown.map((each) => ({ ...each, ...set })) }
}

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
