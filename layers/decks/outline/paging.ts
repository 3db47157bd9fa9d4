/** Fits pieces to a number of pages: halves what is long where there are too few, joins what is short where too many. */
import type { Point } from "./Outline.ts"
import {
  chartOf,
  divisible,
  fits,
  halve,
  join,
  listOf,
  paginate,
  paginateNumbers,
  paginateTable,
  under,
  type List,
  type Piece
} from "./pieces.ts"

export const paged = (piece: Piece, font: string): ReadonlyArray<Piece> =>
  piece.kind === "list"
    ? paginate(piece, font)
    : piece.kind === "table"
      ? paginateTable(piece)
      : piece.kind === "numbers"
        ? paginateNumbers(piece)
        : [piece]

/** Halves what is longest until there are that many, or nothing is left to halve. */
export const expand = (pieces: ReadonlyArray<Piece>, want: number): ReadonlyArray<Piece> => {
  let all = pieces
  while (all.length < want) {
    const sizes = all.map(divisible)
    const at = sizes.indexOf(Math.max(...sizes))
    const piece = all[at]
    const halves = piece === undefined || (sizes[at] ?? 0) === 0 ? undefined : halve(piece)
    if (halves === undefined) return all
    all = [...all.slice(0, at), ...halves, ...all.slice(at + 1)]
  }
  return numbered(balanced(all))
}

/** Neighbours that were one topic. */
const grouped = (pieces: ReadonlyArray<Piece>): ReadonlyArray<ReadonlyArray<Piece>> => {
  const same = (first: Piece, second: Piece) =>
    (first.kind === "list" &&
      second.kind === "list" &&
      first.heading === second.heading &&
      (first.heading !== undefined || first.of === second.of)) ||
    (first.kind === "table" && second.kind === "table" && first.columns === second.columns)
  const groups: Array<Array<Piece>> = []
  for (const piece of pieces) {
    const group = groups.at(-1)
    const first = group?.[0]
    if (group !== undefined && first !== undefined && same(first, piece)) group.push(piece)
    else groups.push([piece])
  }
  return groups
}

/** Says of each part of a topic which it is. */
const numbered = (pieces: ReadonlyArray<Piece>): ReadonlyArray<Piece> =>
  grouped(pieces).flatMap((group) =>
    group.map(({ part: _, ...piece }, index): Piece =>
      group.length === 1 || (piece.kind === "list" && piece.heading === undefined)
        ? piece
        : { ...piece, part: [index + 1, group.length] }
    )
  )

/** A point of thousands of characters is shortened, and takes no more than a page. */
const pointWeight = ({ lead = "", text }: Point) => 40 + Math.min(lead.length + text.length, 500)

/** Lists that were one, on as many pages as they have, each about as full as the next. */
const balanced = (pieces: ReadonlyArray<Piece>): ReadonlyArray<Piece> =>
  grouped(pieces).flatMap((group): ReadonlyArray<Piece> => {
    const [first] = group
    if (first?.kind !== "list" || group.length === 1) return group
    const points = group.flatMap((piece) => (piece.kind === "list" ? piece.points : []))
    const each = points.reduce((sum, point) => sum + pointWeight(point), 0) / group.length
    const pages: Array<Array<Point>> = [[]]
    let before = 0
    for (const point of points) {
      const page = pages.at(-1) ?? []
      const next = before + pointWeight(point) / 2 > each * pages.length
      if (next && page.length > 0 && point.level !== 1 && pages.length < group.length) pages.push([point])
      else page.push(point)
      before += pointWeight(point)
    }
    return pages.length === group.length ? pages.map((page) => ({ ...first, points: page })) : group
  })

const weight = ({ points }: List) => points.reduce((sum, point) => sum + pointWeight(point), 0)

/** Joins the two neighbouring lists that are shortest together; `dense`: only what fits a page. */
const joinLists = (pieces: ReadonlyArray<Piece>, font: string, dense: boolean) => {
  let best: { readonly at: number; readonly weight: number; readonly joined: Piece } | undefined
  for (let at = 0; at + 1 < pieces.length; at++) {
    const [first, second] = [pieces[at], pieces[at + 1]].map((piece) =>
      dense && piece?.kind !== "list" ? undefined : listOf(piece)
    )
    if (first === undefined || second === undefined) continue
    // What belongs together is joined first.
    const together = (weight(first) + weight(second)) * (first.heading === second.heading ? 1 : 3)
    if (best !== undefined && best.weight <= together) continue
    const joined = join(first, second)
    if (dense && joined.kind === "list" && !fits(joined.points, font, true)) continue
    best = { at, weight: together, joined }
  }
  return best === undefined
    ? undefined
    : [...pieces.slice(0, best.at), best.joined, ...pieces.slice(best.at + 2)]
}

/** All neighbouring lists, two by two: what takes many times the pages that there are need not be weighed. */
const joinPairs = (pieces: ReadonlyArray<Piece>): ReadonlyArray<Piece> => {
  const out: Array<Piece> = []
  for (let at = 0; at < pieces.length; at++) {
    const [first, second] = [pieces[at], pieces[at + 1]]
    if (first === undefined) continue
    const joined = first.kind === "list" && second?.kind === "list" ? join(first, second) : undefined
    out.push(joined ?? first)
    if (joined !== undefined) at++
  }
  return out
}

/** Puts a short list beside the chart or the picture next to it. */
const attach = (pieces: ReadonlyArray<Piece>, most = 5) => {
  for (const [at, piece] of pieces.entries()) {
    if (piece.kind !== "list" || piece.points.length > most || weight(piece) > most * 120) continue
    for (const beside of [at - 1, at + 1]) {
      const host = pieces[beside]
      if ((host?.kind !== "chart" && host?.kind !== "figure") || host.points.length > 0) continue
      return pieces
        .map((each, index) => (index === beside ? { ...host, points: under(piece) } : each))
        .filter((_, index) => index !== at)
    }
  }
  return undefined
}

/** Shows the numbers of two neighbours in one chart: of the same labels and unit, with a name each. */
const joinCharts = (pieces: ReadonlyArray<Piece>) => {
  for (const [at, first] of pieces.entries()) {
    const second = pieces[at + 1]
    const joined = first.kind === "chart" && second?.kind === "chart" ? chartOf(first, second) : undefined
    if (joined !== undefined) return [...pieces.slice(0, at), joined, ...pieces.slice(at + 2)]
  }
  return undefined
}

const without = (pieces: ReadonlyArray<Piece>, kind: Piece["kind"]) => {
  const at = pieces.findLastIndex((piece) => piece.kind === kind)
  return at < 0 ? undefined : pieces.filter((_, index) => index !== at)
}

export interface Plan {
  readonly pieces: ReadonlyArray<Piece>
  readonly closing: boolean
  /** What had no place. */
  readonly left: ReadonlyArray<Piece>
}

/** Fewer pages, by what costs the least: dividers, then joined lists, then the closing, then crowded lists. */
export const compress = (
  given: ReadonlyArray<Piece>,
  slots: number,
  hasClosing: boolean,
  font: string
): Plan => {
  let pieces = given
  let closing = hasClosing
  const left: Array<Piece> = []
  const room = () => slots + (hasClosing && !closing ? 1 : 0)
  for (let before = Infinity; pieces.length > 4 * slots && pieces.length < before;) {
    before = pieces.length
    pieces = joinPairs(pieces)
  }
  while (pieces.length > room()) {
    const fewer =
      without(pieces, "section") ?? joinLists(pieces, font, true) ?? attach(pieces) ?? joinCharts(pieces)
    if (fewer !== undefined) pieces = fewer
    else if (closing) closing = false
    else {
      const crowded = joinLists(pieces, font, false) ?? attach(pieces, 8)
      const last = pieces.at(-1)
      if (crowded !== undefined) pieces = crowded
      else {
        if (last !== undefined) left.unshift(last)
        pieces = pieces.slice(0, -1)
      }
    }
  }
  return { pieces: numbered(balanced(pieces)), closing, left }
}
