/** Lists as they are measured and drawn: the same paragraphs for both. */
import { indents, levelIndent, type Area, type Paragraph } from "./Item.ts"
import * as fit from "./fit.ts"
import type { Point } from "../outline/Outline.ts"
import { separator } from "../outline/plainText.ts"

/** Place of the list of a page. */
export const listArea: Area = { x: 5.3, y: 0.9, w: 7.28, h: 5.6 }
/** Points. */
export const listSizes = { most: 28, natural: 20, least: 12 } as const
/** Ems between two points. */
export const gap = 0.6
const spacing = 1.02
/** Size of nested points, relative to the others. */
const under = 0.88

const setting = (font: string): fit.Setting => ({ font, gap, spacing })

const runs = ({ lead, text }: Point) =>
  lead === undefined ? [{ text }] : [{ text: `${lead}${separator(lead)}`, bold: true }, { text }]

const bulletOf = ({ level = 0, number }: Point) =>
  number !== undefined ? "number" : level === 0 ? "tick" : "dash"

const measured = (points: ReadonlyArray<Point>): ReadonlyArray<fit.Paragraph> =>
  points.map((point) => ({
    runs: runs(point),
    scale: (point.level ?? 0) > 0 ? under : 1,
    indent: indents[bulletOf(point)] + (point.level ?? 0) * levelIndent
  }))

/** In points, in a box of that many inches. */
export const listHeight = (points: ReadonlyArray<Point>, width: number, size: number, font: string) =>
  fit.height(measured(points), width * 72, size, setting(font))

/** The largest size at which points fit; absent: none. */
export const listSize = (points: ReadonlyArray<Point>, area: Area, most: number, font: string) =>
  fit.largest(measured(points), area, { most, least: listSizes.least }, setting(font))

/** The paragraphs of a list at that size, with `space` ems between them. */
export const paragraphs = (
  points: ReadonlyArray<Point>,
  size: number,
  space: number
): ReadonlyArray<Paragraph> =>
  points.map((point, index) => ({
    runs: runs(point),
    size: (point.level ?? 0) > 0 ? Math.floor(size * under * 2) / 2 : size,
    bullet: bulletOf(point),
    ...(point.number !== undefined && { number: point.number }),
    level: point.level ?? 0,
    spacing,
    before: index === 0 ? 0 : space * size
  }))
