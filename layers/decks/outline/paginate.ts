/** Fits blocks to a number of slides: joins short lists where there are too many blocks, splits lists where there is room. */
import * as fit from "../page/fit.ts"
import { box, listArea, listSizes, measured, setting } from "../page/listing.ts"
import { columnGroups, tableSlides } from "../page/tablePage.ts"
import type { Block, BlockOf } from "./Block.ts"
import type { Point } from "./Outline.ts"
import { isTimed, pointText } from "./plainText.ts"

type List = BlockOf<"list">

/** Points on a slide that is read with ease, and on one that can be read at all; rows and numbers of a slide. */
const easyPoints = 6
const mostPoints = 14
const easyRows = 10
const mostRows = 14
const mostNumbers = 8

export interface Planned {
  readonly block: Block
  readonly least: number
  readonly most: number
  readonly slides: number
}

const fits = (points: ReadonlyArray<Point>, font: string, dense: boolean) =>
  points.length <= (dense ? mostPoints : easyPoints) &&
  fit.height(
    measured(points),
    box(listArea).width,
    dense ? listSizes.least : listSizes.natural,
    setting(font)
  ) <= box(listArea).height

/** Points with what is nested below them, which stay together. */
const units = (points: ReadonlyArray<Point>): ReadonlyArray<ReadonlyArray<Point>> => {
  const all: Array<Array<Point>> = []
  for (const point of points) {
    if ((point.level ?? 0) > 0 && all.length > 0) all.at(-1)?.push(point)
    else all.push([point])
  }
  return all
}

const pagesOf = (points: ReadonlyArray<Point>, font: string, dense: boolean) => {
  let [count, page]: [number, ReadonlyArray<Point>] = [1, []]
  for (const unit of units(points)) {
    const more = [...page, ...unit]
    if (page.length > 0 && !fits(more, font, dense)) [count, page] = [count + 1, unit]
    else page = more
  }
  return count
}

const plan = (block: Block, font: string): Planned => {
  const [least, slides, most] = ((): readonly [number, number, number] => {
    switch (block.kind) {
      case "list": {
        const easy = pagesOf(block.points, font, false)
        const { length } = units(block.points)
        const together = block.heading !== undefined || block.points.some(({ lead }) => isTimed(`${lead} x`))
        return [
          pagesOf(block.points, font, true),
          easy,
          Math.max(easy, together ? Math.floor(length / 3) : length)
        ]
      }
      case "table": {
        const { length } = block.rows
        const dense = Math.max(Math.ceil(length / mostRows), tableSlides(block, font, 10))
        const easy = Math.max(Math.ceil(length / easyRows), tableSlides(block, font, 13))
        return [dense, easy, easy]
      }
      case "numbers": {
        const count = Math.ceil(block.numbers.length / mostNumbers)
        return [count, count, count]
      }
      default:
        return [1, 1, 1]
    }
  })()
  return { block, least, most, slides }
}

/** A point of thousands of characters is shortened, and takes no more than a slide. */
const weightOf = (points: ReadonlyArray<Point>) =>
  points.reduce((sum, point) => sum + 40 + Math.min(pointText(point).length, 500), 0)
const weight = (block: Block) =>
  block.kind === "list" ? weightOf(block.points) : block.kind === "table" ? block.rows.length * 60 : 100

const evenly = <A>(all: ReadonlyArray<A>, count: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: count }, (_, index) =>
    all.slice(Math.round((index * all.length) / count), Math.round(((index + 1) * all.length) / count))
  )

/** A list in as many parts, each about as full as the next. */
export const splitPoints = (
  points: ReadonlyArray<Point>,
  count: number
): ReadonlyArray<ReadonlyArray<Point>> => {
  const all = units(points)
  const parts: Array<Array<Point>> = [[]]
  const each = weightOf(points) / count
  let before = 0
  for (const [index, unit] of all.entries()) {
    const half = weightOf(unit) / 2
    const [left, open] = [all.length - index, count - parts.length]
    const part = parts.at(-1) ?? []
    if (part.length > 0 && open > 0 && (before + half > each * parts.length || left <= open))
      parts.push([...unit])
    else part.push(...unit)
    before += 2 * half
  }
  return parts
}

/** The parts of a block, a slide each. */
export const parts = ({ block, slides }: Planned): ReadonlyArray<Block> => {
  const { notes: _, ...rest } = block
  const first = (all: ReadonlyArray<Block>) =>
    all.map((part, index) => (index === 0 ? { ...block, ...part } : part))
  if (slides === 1) return [block]
  if (rest.kind === "list")
    return first(splitPoints(rest.points, slides).map((points) => ({ ...rest, points })))
  if (rest.kind === "table") return first(evenly(rest.rows, slides).map((rows) => ({ ...rest, rows })))
  if (rest.kind === "numbers")
    return first(evenly(rest.numbers, slides).map((numbers) => ({ ...rest, numbers })))
  return [block]
}

const notesOf = (...blocks: ReadonlyArray<Block>) => {
  const notes = blocks.flatMap((block) => block.notes ?? [])
  return notes.length === 0 ? {} : { notes }
}

/** Its points, one level below its heading. */
export const nested = ({
  heading,
  points
}: {
  readonly heading?: string
  readonly points: ReadonlyArray<Point>
}) =>
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

const join = (first: List, second: List): Block => {
  const notes = notesOf(first, second)
  if (first.heading === second.heading)
    return { ...first, points: [...first.points, ...second.points], ...notes }
  if (isNarrow(first) && isNarrow(second))
    return { kind: "columns", columns: [first, second].map(({ notes: _, ...list }) => list), ...notes }
  return { kind: "list", points: [...nested(first), ...nested(second)], ...notes }
}

const asList = (block: Block | undefined): List | undefined =>
  block?.kind === "columns" && block.heading === undefined
    ? { kind: "list", points: block.columns.flatMap(nested), ...notesOf(block) }
    : block?.kind === "list"
      ? block
      : undefined

const replaceTwo = (all: ReadonlyArray<Block>, at: number, block: Block) => [
  ...all.slice(0, at),
  block,
  ...all.slice(at + 2)
]

/** Joins the two neighbouring lists that are shortest together; `dense`: only where one slide holds both. */
const joinShortest = (all: ReadonlyArray<Block>, font: string, dense: boolean) => {
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
const attach = (all: ReadonlyArray<Block>) => {
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
const withoutSection = (all: ReadonlyArray<Block>) => {
  const at = all.findLastIndex(({ kind }) => kind === "section")
  const [section, next] = [all[at], all[at + 1]]
  if (section?.heading === undefined) return undefined
  return next === undefined
    ? [...all.slice(0, at), { kind: "list" as const, heading: section.heading, points: [] }]
    : replaceTwo(all, at, { ...next, notes: [section.heading, ...(next.notes ?? [])] })
}

const total = (all: ReadonlyArray<Planned>) => all.reduce((sum, { slides }) => sum + slides, 0)

/** Changes the number of slides of the block that `rank` puts first, until all take `wanted` or none can change. */
const adjust = (
  planned: ReadonlyArray<Planned>,
  wanted: number,
  step: 1 | -1,
  rank: (each: Planned) => number | undefined
) => {
  const all = [...planned]
  for (let missing = (wanted - total(all)) * step; missing > 0; missing--) {
    const ranks = all.map((each) => rank(each) ?? -Infinity)
    const at = ranks.indexOf(Math.max(...ranks))
    const chosen = all[at]
    if (chosen === undefined || ranks[at] === -Infinity) break
    all[at] = { ...chosen, slides: chosen.slides + step }
  }
  return all
}

/** Blocks on at most `slots` slides, and what had no place. */
export const paginate = (
  blocks: ReadonlyArray<Block>,
  slots: number,
  font: string
): { readonly planned: ReadonlyArray<Planned>; readonly left: ReadonlyArray<Block> } => {
  let all: ReadonlyArray<Block> = blocks.flatMap((block): ReadonlyArray<Block> =>
    block.kind === "table" ? columnGroups(block, font).map((part) => ({ ...block, ...part })) : [block]
  )
  // Many times the lists that there is room for are joined two by two, without weighing each pair.
  while (all.length > 4 * slots) {
    const before = all.length
    for (let at = 0; at + 1 < all.length; at++) {
      const [first, second] = [asList(all[at]), asList(all[at + 1])]
      if (first !== undefined && second !== undefined) all = replaceTwo(all, at, join(first, second))
    }
    if (all.length === before) break
  }
  let planned = all.map((block) => plan(block, font))
  const needed = () => planned.reduce((sum, { least }) => sum + least, 0)
  while (needed() > slots) {
    const fewer = withoutSection(all) ?? joinShortest(all, font, true) ?? attach(all)
    if (fewer === undefined) break
    all = fewer
    planned = all.map((block) => plan(block, font))
  }
  // Crowded: lists are joined as far as they can be, and then share the slides evenly.
  for (let fewer = needed() > slots ? joinShortest(all, font, false) : undefined; fewer !== undefined;) {
    all = fewer
    fewer = joinShortest(all, font, false)
  }
  planned = all.slice(0, slots).map((block) => plan(block, font))
  const thin = (floor: (each: Planned) => number) => (each: Planned) =>
    each.slides > floor(each) ? -weight(each.block) / each.slides : undefined
  planned = adjust(
    planned,
    slots,
    -1,
    thin(({ least }) => least)
  )
  planned = adjust(
    planned,
    slots,
    -1,
    thin(() => 1)
  )
  planned = adjust(planned, slots, 1, ({ block, most, slides }) =>
    slides < most ? weight(block) / slides : undefined
  )
  return { planned, left: all.slice(slots) }
}
