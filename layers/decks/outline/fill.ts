/** Fits slides to a number: joins short lists where there are too many slides, splits lists and tables where there is room. */
import { height } from "../page/fit.ts"
import { listArea, listSizes, paragraphs } from "../page/listing.ts"
import { columnGroups, tableSlides } from "../page/tablePage.ts"
import type { Point, Slide, SlideOf } from "./Outline.ts"
import { isTimed, pointText } from "./plainText.ts"

/** Points, rows and numbers of a slide that is read with ease. */
const [mostPoints, mostRows, mostNumbers] = [6, 10, 8]
/** Points: the size of text in a table that is read with ease. */
const tableSize = 13

/** Points with what is nested below them, which stay together. */
const units = (points: ReadonlyArray<Point>): ReadonlyArray<ReadonlyArray<Point>> => {
  const all: Array<Array<Point>> = []
  for (const point of points) {
    if ((point.level ?? 0) > 0 && all.length > 0) all.at(-1)?.push(point)
    else all.push([point])
  }
  return all
}

const textsOfTable = ({ columns, rows }: SlideOf<"table">) => ({
  columns,
  rows: rows.map((row) => row.map(String))
})

/** How many slides it takes to be read with ease. */
const pages = (slide: Slide, font: string): number => {
  if (slide.layout === "numbers") return Math.ceil(slide.numbers.length / mostNumbers)
  if (slide.layout === "table")
    return Math.max(
      Math.ceil(slide.rows.length / mostRows),
      tableSlides(textsOfTable(slide), font, tableSize)
    )
  if (slide.layout !== "bullets") return 1
  const high = height(paragraphs(slide.points, listSizes.natural), listArea.w * 72, font)
  return Math.ceil(Math.max(high / (listArea.h * 72), slide.points.length / mostPoints, 1))
}

/** The most slides that its content is worth: headed and timed lines stand together. */
const mostPages = (slide: Slide, font: string): number => {
  const least = pages(slide, font)
  if (slide.layout !== "bullets") return least
  const { length } = units(slide.points)
  const together = slide.headline !== "" || slide.points.some(({ lead }) => isTimed(`${lead} x`))
  return Math.max(least, together ? Math.floor(length / 3) : length)
}

/** A point of thousands of characters is shortened, and takes no more than a slide. */
const weightOf = (points: ReadonlyArray<Point>) =>
  points.reduce((sum, point) => sum + 40 + Math.min(pointText(point).length, 500), 0)
const weight = (slide: Slide) =>
  slide.layout === "bullets"
    ? weightOf(slide.points)
    : slide.layout === "table"
      ? slide.rows.length * 60
      : 400

const evenly = <A>(all: ReadonlyArray<A>, count: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: count }, (_, index) =>
    all.slice(Math.round((index * all.length) / count), Math.round(((index + 1) * all.length) / count))
  )

/** A list in as many parts of about as many points. */
export const splitPoints = (points: ReadonlyArray<Point>, count: number) => {
  const all = units(points)
  return evenly(all, Math.min(count, all.length)).map((part) => part.flat())
}

/** A slide in as many parts, the notes with the first. */
const split = (slide: Slide, count: number): ReadonlyArray<Slide> => {
  if (count === 1) return [slide]
  const { notes, ...rest } = slide
  const parts =
    rest.layout === "bullets"
      ? splitPoints(rest.points, count).map((points) => ({ ...rest, points }))
      : rest.layout === "table"
        ? evenly(rest.rows, count).map((rows) => ({ ...rest, rows }))
        : rest.layout === "numbers"
          ? evenly(rest.numbers, count).map((numbers) => ({ ...rest, numbers }))
          : [rest]
  return parts.map((part, index) => (index === 0 ? withNotes(part, notes) : part))
}

const withNotes = (slide: Slide, ...notes: ReadonlyArray<string | undefined>): Slide => {
  const given = notes.filter((text) => text !== undefined)
  return given.length === 0 ? slide : { ...slide, notes: given.join("\n") }
}

export const deeper = (point: Point): Point => ({ ...point, level: (point.level ?? 0) === 0 ? 1 : 2 })

/** Its points, one level below its headline. */
const nested = (headline: string, points: ReadonlyArray<Point>): ReadonlyArray<Point> =>
  headline === "" ? points : [{ text: headline }, ...points.map(deeper)]

/** Two lists as one, a divider in the notes of what it heads, or a short list beside the chart or the picture before it. */
const join = (first: Slide, second: Slide, most: number): Slide | undefined => {
  if (first.layout === "section" && second.layout !== "section")
    return withNotes(second, first.headline, second.notes)
  if (second.layout !== "bullets" || weight(first) + weight(second) > most) return undefined
  const below = nested(second.headline, second.points)
  if (first.layout === "bullets") {
    const isSame = first.headline === second.headline
    const headline = isSame ? first.headline : ""
    const points = isSame
      ? [...first.points, ...second.points]
      : [...nested(first.headline, first.points), ...below]
    return withNotes({ ...first, headline, points }, first.notes, second.notes)
  }
  const isOpen = (first.layout === "chart" || first.layout === "figure") && (first.points ?? []).length === 0
  return isOpen && below.length <= 5
    ? withNotes({ ...first, points: below }, first.notes, second.notes)
    : undefined
}

const joinAll = (parts: ReadonlyArray<Part>, most: number): ReadonlyArray<Part> => {
  const all: Array<Part> = []
  for (const part of parts) {
    const last = all.at(-1)
    const slide = last && join(last.slide, part.slide, most)
    if (last === undefined || slide === undefined) all.push(part)
    else all[all.length - 1] = { ...last, slide }
  }
  return all
}

/** A slide, or a part of one that was split: parts have the number of their slide. */
export interface Part {
  readonly slide: Slide
  readonly source: number
}

/** Slides whose tables are no wider than a slide: a wide one is several, each with the first column. */
export const fittingTables = (slides: ReadonlyArray<Slide>, font: string): ReadonlyArray<Part> =>
  slides.flatMap((slide, source): ReadonlyArray<Part> =>
    slide.layout === "table"
      ? columnGroups(textsOfTable(slide), font).map((group) => ({ slide: { ...slide, ...group }, source }))
      : [{ slide, source }]
  )

/** The slides, with numbers in the headlines where all parts of one that was split have the same. */
export const numbered = (parts: ReadonlyArray<Part>): ReadonlyArray<Slide> => {
  const groups = Map.groupBy(parts, ({ source }) => source)
  return parts.map((part) => {
    const { headline } = part.slide
    const group = groups.get(part.source) ?? []
    return group.length > 1 && group.every(({ slide }) => slide.headline === headline)
      ? { ...part.slide, headline: `${headline} (${group.indexOf(part) + 1}/${group.length})` }
      : part.slide
  })
}

/** Slides on at most `room` slides, and what had no place. */
export const fill = (
  given: ReadonlyArray<Slide>,
  room: number,
  font: string
): { readonly parts: ReadonlyArray<Part>; readonly left: ReadonlyArray<Part> } => {
  let all = fittingTables(given, font)
  for (let most = 100; all.length > room && most < Number.MAX_SAFE_INTEGER; most *= 1.3)
    all = joinAll(all, most)
  const kept = all.slice(0, room).map((part) => ({
    ...part,
    weight: weight(part.slide),
    count: 1,
    most: mostPages(part.slide, font)
  }))
  for (let spare = room - kept.length; spare > 0; spare--) {
    const open = kept.filter(({ count, most }) => count < most)
    const fullest = open.toSorted((a, b) => b.weight / b.count - a.weight / a.count)[0]
    if (fullest === undefined) break
    fullest.count++
  }
  const parts = kept.flatMap(({ count, slide, source }) =>
    split(slide, count).map((part) => ({ slide: part, source }))
  )
  return { parts, left: all.slice(room) }
}
