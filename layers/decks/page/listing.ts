/** Lists as paragraphs of a size. */
import type { Area, Paragraph } from "./Item.ts"
import type { Point } from "../outline/Outline.ts"
import { separator } from "../outline/plainText.ts"

export const listArea: Area = { x: 5.3, y: 0.9, w: 7.28, h: 5.6 }
/** Points. */
export const listSizes = { most: 28, natural: 20, least: 12 } as const
/** Ems between two points. */
export const gap = 0.6
/** Size of nested points, relative to the others. */
const under = 0.88

const runs = ({ lead, text }: Point) =>
  lead === undefined ? [{ text }] : [{ text: `${lead}${separator(lead)}`, bold: true }, { text }]

const bulletOf = ({ level = 0, number }: Point) =>
  number !== undefined ? "number" : level === 0 ? "tick" : "dash"

/** The paragraphs of a list at that size, with `space` ems between them. */
export const paragraphs = (
  points: ReadonlyArray<Point>,
  size: number,
  space = gap
): ReadonlyArray<Paragraph> =>
  points.map((point, index) => ({
    runs: runs(point),
    size: (point.level ?? 0) > 0 ? Math.floor(size * under * 2) / 2 : size,
    bullet: bulletOf(point),
    ...(point.number !== undefined && { number: point.number }),
    level: point.level ?? 0,
    spacing: 1.02,
    before: index === 0 ? 0 : space * size
  }))
