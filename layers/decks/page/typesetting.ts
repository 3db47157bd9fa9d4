/** Sets text: at the largest size that fits its place, shortened where none does; and the panels that it stands on. */
import type { Area, Item } from "./Item.ts"
import * as fit from "./fit.ts"
import { leading } from "./layouts.ts"
import { box, gap, measured, paragraphs, setting } from "./listing.ts"
import type { Chart, Point } from "../outline/Outline.ts"
import type { Picture } from "../Picture.ts"
import type { Color, Palette } from "../Theme.ts"

/** A chart with what follows from where it is drawn. */
export interface DrawnChart extends Chart {
  /** Where the axis of the values starts; absent: the program's choice. */
  readonly minimum?: number
  /** Categories run from right to left. */
  readonly rtl?: true
}

/** What a page is drawn with. */
export interface Stage {
  readonly palette: Palette
  /** The deck runs from right to left. */
  readonly rtl?: boolean
  readonly pictures: ReadonlyMap<string, Picture>
  /** The relationship of a chart, and of a picture. */
  readonly chart: (chart: DrawnChart) => string
  readonly picture: (picture: Picture) => string
  /** Says that something is not shown whole. */
  readonly cut: (what: string) => void
}

interface Block {
  readonly text: string
  readonly area: Area
  readonly sizes: { readonly most: number; readonly least: number }
  readonly font: "head" | "body"
  readonly bold?: boolean
  readonly spacing?: number
}

/** A little smaller, where that makes a line less: a headline does not end in a line of one word. */
const withoutWidow = (
  text: ReadonlyArray<fit.Paragraph>,
  width: number,
  size: number,
  place: fit.Setting
) => {
  const lines = (at: number) => fit.height(text, width, at, place) / at
  for (let smaller = size; smaller >= size * 0.84; smaller -= 0.5)
    if (lines(smaller) < lines(size) - 0.01) return smaller
  return size
}

/** The text as far as it fits, and the size at which it does. */
export const fitted = (
  stage: Stage,
  { area, bold = false, font, sizes: range, spacing: line = leading, text }: Block
) => {
  const place = { font: stage.palette.fonts[font], spacing: line }
  const as = (shown: string) => [{ runs: [{ text: shown, bold }] }]
  const size = fit.largest(as(text), box(area), range, place)
  if (size !== undefined)
    return { text, size: bold ? withoutWidow(as(text), area.w * 72, size, place) : size }
  const fits = (shown: string) => fit.height(as(shown), area.w * 72, range.least, place) <= area.h * 72
  stage.cut(text)
  return { text: fit.shortened(text, fits), size: range.least }
}

/** The headline in its placeholder. */
export const headline = (
  stage: Stage,
  text: string,
  area: Area,
  range: { readonly most: number; readonly least: number },
  type: "title" | "ctrTitle" = "title"
): Item & { readonly kind: "text" } => {
  const { size, text: shown } = fitted(stage, { text, area, sizes: range, font: "head", bold: true })
  return {
    kind: "text",
    name: "Title",
    placeholder: { type },
    paragraphs: [{ runs: [{ text: shown }], size, spacing: leading }]
  }
}

export const block = (
  stage: Stage,
  name: string,
  text: string,
  area: Area,
  range: { readonly most: number; readonly least: number },
  index: number,
  type: "body" | "subTitle" = "body",
  bold = false
): Item => {
  const { size, text: shown } = fitted(stage, { text, area, sizes: range, font: "body", bold, spacing: 1 })
  return {
    kind: "text",
    name,
    placeholder: { type, index },
    paragraphs: [{ runs: [{ text: shown }], size, spacing: 1 }]
  }
}

/** As many points as fit, at the size at which they do; the last may be shortened. */
const fittedList = (
  stage: Stage,
  points: ReadonlyArray<Point>,
  area: Area,
  range: { readonly most: number; readonly least: number }
) => {
  const place = setting(stage.palette.fonts.body)
  const at = (shown: ReadonlyArray<Point>) => fit.largest(measured(shown), box(area), range, place)
  const size = at(points)
  if (size !== undefined) return { points, size }
  let [low, high] = [0, points.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (at(points.slice(0, middle)) === undefined) high = middle - 1
    else low = middle
  }
  const next = points[low]
  const whole = points.slice(0, low)
  stage.cut(
    points
      .slice(low)
      .map(({ text }) => text)
      .join("\n")
  )
  if (next === undefined) return { points: whole, size: range.least }
  const shown = (text: string) => [...whole, { ...next, text }]
  const fits = (text: string) => at(shown(text)) !== undefined
  // An ellipsis after a word or two says nothing.
  const rest = fits("…") ? fit.shortened(next.text, fits) : ""
  return { points: rest.length > 20 || low === 0 ? shown(rest || "…") : whole, size: range.least }
}

export const list = (
  stage: Stage,
  name: string,
  points: ReadonlyArray<Point>,
  area: Area,
  range: { readonly most: number; readonly least: number },
  options: {
    readonly index?: number
    readonly color?: Color
    readonly mark?: Color
    readonly anchor?: "t" | "ctr"
  } = {}
): Item => {
  const shown = fittedList(stage, points, area, range)
  const place = setting(stage.palette.fonts.body)
  const height = fit.height(measured(shown.points), area.w * 72, shown.size, place)
  // A few points breathe: part of the room that is left goes between them.
  const more = shown.points.length < 2 ? 0 : (area.h * 72 - height) / (shown.points.length - 1) / shown.size
  const wide = gap + Math.min(Math.max(more - 0.1, 0) * 0.6, 0.9)
  return {
    kind: "text",
    name,
    ...(options.index === undefined
      ? { area }
      : { placeholder: { type: "body", index: options.index } as const }),
    ...(options.anchor !== undefined && { anchor: options.anchor }),
    paragraphs: paragraphs(shown.points, shown.size, {
      gap: wide,
      ...(options.mark !== undefined && { mark: options.mark }),
      ...(options.color !== undefined && { color: options.color })
    })
  }
}

export const shape = (area: Area, fill: Color, geometry: "rect" | "round" = "rect"): Item => ({
  kind: "shape",
  name: "Panel",
  area,
  fill,
  geometry
})

export const label = (
  stage: Stage,
  name: string,
  text: string,
  area: Area,
  style: {
    readonly most: number
    readonly least: number
    readonly color: Color
    readonly bold?: boolean
    readonly anchor?: "t" | "ctr" | "b"
    readonly font?: "head" | "body"
    readonly align?: "l" | "r"
  }
): Item => {
  const { align, anchor = "t", bold = false, color, font = "body" } = style
  const shown = fitted(stage, { text, area, sizes: style, font, bold, spacing: 1 })
  return {
    kind: "text",
    name,
    area,
    anchor,
    font,
    paragraphs: [
      {
        runs: [{ text: shown.text }],
        size: shown.size,
        bold,
        color,
        ...(align !== undefined && { align }),
        spacing: 1
      }
    ]
  }
}

const pad = 0.32
export const inside = ({ h, w, x, y }: Area, by = pad): Area => ({
  x: x + by,
  y: y + by,
  w: w - 2 * by,
  h: h - 2 * by
})

/** Areas of one height beside each other. */
export const beside = ({ h, w, x, y }: Area, count: number, space = 0.35): ReadonlyArray<Area> => {
  const each = (w - space * (count - 1)) / count
  return Array.from({ length: count }, (_, index) => ({ x: x + index * (each + space), y, w: each, h }))
}

export const kicker = (
  stage: Stage,
  text: string | undefined,
  area: Area,
  index: number
): ReadonlyArray<Item> =>
  text === undefined || text === ""
    ? []
    : [block(stage, "Kicker", text, area, { most: 18, least: 10 }, index, "body", true)]
