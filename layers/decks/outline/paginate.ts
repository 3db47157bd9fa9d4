/** Fits blocks to a number of slides: joins short lists where there are too many blocks, splits lists where there is room. */
import { columnGroups, tableSlides } from "../page/tablePage.ts"
import type { Block } from "./Block.ts"
import {
  asList,
  attach,
  fits,
  join,
  joinShortest,
  replaceTwo,
  weight,
  weightOf,
  withoutSection
} from "./joinBlocks.ts"
import type { Point } from "./Outline.ts"
import { isTimed } from "./plainText.ts"

/** Rows of a slide that is read with ease, and rows and numbers of one that can be read at all. */
const easyRows = 10
const mostRows = 14
const mostNumbers = 8

export interface Planned {
  readonly block: Block
  readonly least: number
  readonly most: number
  readonly slides: number
}

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
