/** Joins blocks where there are more than slides: lists with lists, lists with charts, dividers with what follows. */
import * as fit from "../page/fit.ts"
import { box, listArea, listSizes, measured, setting } from "../page/listing.ts"
import type { Block, BlockOf } from "./Block.ts"
import type { Point } from "./Outline.ts"
import { pointText } from "./plainText.ts"

type List = BlockOf<"list">

/** Points on a slide that is read with ease, and on one that can be read at all. */
const easyPoints = 6
const mostPoints = 14

export const fits = (points: ReadonlyArray<Point>, font: string, dense: boolean) =>
  points.length <= (dense ? mostPoints : easyPoints) &&
  fit.height(
    measured(points),
    box(listArea).width,
    dense ? listSizes.least : listSizes.natural,
    setting(font)
  ) <= box(listArea).height

/** A point of thousands of characters is shortened, and takes no more than a slide. */
export const weightOf = (points: ReadonlyArray<Point>) =>
  points.reduce((sum, point) => sum + 40 + Math.min(pointText(point).length, 500), 0)
export const weight = (block: Block) =>
  block.kind === "list" ? weightOf(block.points) : block.kind === "table" ? block.rows.length * 60 : 100

const notesOf = (...blocks: ReadonlyArray<Block>) => {
  const notes = blocks.flatMap((block) => block.notes ?? [])
  return notes.length === 0 ? {} : { notes }
}

/** Its points, one level below its heading. */
const nested = ({ heading, points }: { readonly heading?: string; readonly points: ReadonlyArray<Point> }) =>
  heading === undefined
    ? points
    : [
        { text: heading },
        ...points.map((point) => ({
          ...point,
          level: point.level === undefined || point.level === 0 ? (1 as const) : (2 as const)
        }))
      ]

const isNarrow = ({ heading, points }: List) =>
  heading !== undefined &&
  points.length > 0 &&
  points.length <= easyPoints &&
  points.every((point) => point.level === undefined && pointText(point).length <= 90)

export const join = (first: List, second: List): Block => {
  const notes = notesOf(first, second)
  if (first.heading === second.heading)
    return { ...first, points: [...first.points, ...second.points], ...notes }
  if (isNarrow(first) && isNarrow(second))
    return { kind: "columns", columns: [first, second].map(({ notes: _, ...list }) => list), ...notes }
  return { kind: "list", points: [...nested(first), ...nested(second)], ...notes }
}

export const asList = (block: Block | undefined): List | undefined =>
  block?.kind === "columns" && block.heading === undefined
    ? { kind: "list", points: block.columns.flatMap(nested), ...notesOf(block) }
    : block?.kind === "list"
      ? block
      : undefined

export const replaceTwo = (all: ReadonlyArray<Block>, at: number, block: Block) => [
  ...all.slice(0, at),
  block,
  ...all.slice(at + 2)
]

/** Joins the two neighbouring lists that are shortest together; `dense`: only where one slide holds both. */
export const joinShortest = (all: ReadonlyArray<Block>, font: string, dense: boolean) => {
  let best: { readonly at: number; readonly weight: number; readonly joined: Block } | undefined
  for (let at = 0; at + 1 < all.length; at++) {
    const [first, second] = [asList(all[at]), asList(all[at + 1])]
    if (first === undefined || second === undefined) continue
    const together = weight(first) + weight(second)
    if (best !== undefined && best.weight <= together) continue
    const joined = join(first, second)
    if (dense && joined.kind === "list" && !fits(joined.points, font, true)) continue
    best = { at, weight: together, joined }
  }
  return best && replaceTwo(all, best.at, best.joined)
}

/** Puts a short list beside the chart or the picture before or after it. */
export const attach = (all: ReadonlyArray<Block>) => {
  for (const [at, list] of all.entries()) {
    if (list.kind !== "list" || list.points.length > 4 || weight(list) > 500) continue
    for (const beside of [at - 1, at + 1]) {
      const host = all[beside]
      if ((host?.kind === "chart" || host?.kind === "figure") && host.points.length === 0)
        return replaceTwo(all, Math.min(at, beside), {
          ...host,
          points: nested(list),
          ...notesOf(host, list)
        })
    }
  }
  return undefined
}

/** Without the last divider, whose heading goes into the notes of the slide after it. */
export const withoutSection = (all: ReadonlyArray<Block>) => {
  const at = all.findLastIndex(({ kind }) => kind === "section")
  const [section, next] = [all[at], all[at + 1]]
  if (section?.heading === undefined) return undefined
  return next === undefined
    ? [...all.slice(0, at), { kind: "list" as const, heading: section.heading, points: [] }]
    : replaceTwo(all, at, { ...next, notes: [section.heading, ...(next.notes ?? [])] })
}
