/** Arranges details into as many pages as were asked for, by rules; says what could not be done as asked. */
import type { Detail } from "./Detail.ts"
import { clause, longest } from "./headlines.ts"
import type { Outline, Point, Slide } from "./Outline.ts"
import {
  divisible,
  fits,
  halve,
  join,
  paginate,
  paginateNumbers,
  paginateTable,
  plural,
  toSlide,
  under,
  type Piece
} from "./pieces.ts"
import { clean, topics } from "./topics.ts"

export interface Request {
  readonly client: string
  readonly project: string
  /** What the details are, as `Highlight`. */
  readonly type: string
  readonly details: ReadonlyArray<Detail>
  /** Pages. */
  readonly slides: number
  readonly brief: string
}

export interface Arranged {
  readonly outline: Outline
  /** What could not be done as asked, a sentence each. */
  readonly remarks: ReadonlyArray<string>
}

const subject = new RegExp(
  "\\b(?:focus(?:ing|ed|es)?\\s+on|about|covering|highlighting|showing|presenting|summari[sz]ing)\\s+(.{3,110}?)[.!]?$",
  "iu"
)

/** A brief is meant for whoever makes the deck; what it says the deck is about is also for those who see it. */
const subtitle = (brief: string, type: string): string => {
  const [first = ""] = clean(brief).split(/(?<=\.)\s/u)
  const about = subject.exec(first)?.[1] ?? plural(type)
  return about.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())
}

const paged = (piece: Piece, font: string): ReadonlyArray<Piece> =>
  piece.kind === "list"
    ? paginate(piece, font)
    : piece.kind === "table"
      ? paginateTable(piece)
      : piece.kind === "numbers"
        ? paginateNumbers(piece)
        : [piece]

/** Halves what is longest until there are that many, or nothing is left to halve. */
const expand = (pieces: ReadonlyArray<Piece>, want: number): ReadonlyArray<Piece> => {
  let all = pieces
  while (all.length < want) {
    const sizes = all.map(divisible)
    const at = sizes.indexOf(Math.max(...sizes))
    const piece = all[at]
    const halves = piece === undefined || (sizes[at] ?? 0) === 0 ? undefined : halve(piece)
    if (halves === undefined) return all
    all = [...all.slice(0, at), ...halves, ...all.slice(at + 1)]
  }
  return numbered(all)
}

/** Neighbours that were one topic. */
const grouped = (pieces: ReadonlyArray<Piece>): ReadonlyArray<ReadonlyArray<Piece>> => {
  const same = (first: Piece, second: Piece) =>
    (first.kind === "list" && second.kind === "list" && first.heading === second.heading) ||
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

const weight = (piece: Piece) =>
  piece.kind === "list" ? piece.points.reduce((sum, point) => sum + pointWeight(point), 0) : Infinity

/** Joins the two neighbouring lists that are shortest together; `dense`: only what fits a page. */
const joinLists = (pieces: ReadonlyArray<Piece>, font: string, dense: boolean) => {
  let best: { readonly at: number; readonly weight: number; readonly joined: Piece } | undefined
  for (let at = 0; at + 1 < pieces.length; at++) {
    const [first, second] = [pieces[at], pieces[at + 1]]
    if (first?.kind !== "list" || second?.kind !== "list") continue
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
const attach = (pieces: ReadonlyArray<Piece>) => {
  for (const [at, piece] of pieces.entries()) {
    if (piece.kind !== "list" || piece.points.length > 5 || weight(piece) > 600) continue
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

const without = (pieces: ReadonlyArray<Piece>, kind: Piece["kind"]) => {
  const at = pieces.findLastIndex((piece) => piece.kind === kind)
  return at < 0 ? undefined : pieces.filter((_, index) => index !== at)
}

interface Plan {
  readonly pieces: ReadonlyArray<Piece>
  readonly closing: boolean
  /** What had no place. */
  readonly left: ReadonlyArray<Piece>
}

/** Fewer pages, by what costs the least: dividers, then joined lists, then the closing, then crowded lists. */
const compress = (given: ReadonlyArray<Piece>, slots: number, hasClosing: boolean, font: string): Plan => {
  let pieces = given
  let closing = hasClosing
  const left: Array<Piece> = []
  const room = () => slots + (hasClosing && !closing ? 1 : 0)
  for (let before = Infinity; pieces.length > 4 * slots && pieces.length < before;) {
    before = pieces.length
    pieces = joinPairs(pieces)
  }
  while (pieces.length > room()) {
    const fewer = without(pieces, "section") ?? joinLists(pieces, font, true) ?? attach(pieces)
    if (fewer !== undefined) pieces = fewer
    else if (closing) closing = false
    else {
      const crowded = joinLists(pieces, font, false)
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

const contents = (slides: ReadonlyArray<Slide>): ReadonlyArray<Point> => {
  const seen = new Set<string>()
  return slides
    .filter(({ layout }) => layout !== "section" && layout !== "quote")
    .map(({ headline }) => ({ text: clause(headline.replace(/ \(\d+\/\d+\)$/, "")) }))
    .filter(({ text }) => !seen.has(text) && seen.add(text))
}

/** Spread over the list as it was, so that a long one is not only its beginning. */
const sample = <A>(all: ReadonlyArray<A>, most: number): ReadonlyArray<A> =>
  all.length <= most
    ? all
    : all.filter(
        (_, index) =>
          Math.floor((index * most) / all.length) !== Math.floor(((index - 1) * most) / all.length)
      )

const pages = (count: number) => (count === 1 ? "1 slide" : `${count} slides`)

/** `font` is the one that lists are set in. The details have at least one that says something. */
export const arrange = (request: Request, font: string): Arranged => {
  const { brief, slides: wanted } = request
  const client = clean(request.client)
  const project = clean(request.project)
  const type = clean(request.type)
  const remarks: Array<string> = []

  const natural = topics(request.details).flatMap((topic) => paged(topic, font))
  const opening = wanted >= 2 ? 1 : 0
  const ends = wanted >= 3
  const slots = wanted - opening - (ends ? 1 : 0)
  const headings = natural.flatMap((piece) =>
    "heading" in piece && piece.heading !== undefined ? [piece.heading] : []
  )
  const names = [...new Set(headings)].map((text) => ({ text: clause(text) }))
  // Where topics have names, a list of them says more than topics in smaller parts.
  const named = names.length >= 3 && ends && natural.length < slots
  const plan: Plan =
    natural.length > slots
      ? compress(natural, slots, ends, font)
      : { pieces: expand(natural, slots - (named ? 1 : 0)), closing: ends, left: [] }

  let section = 0
  const toPages = (pieces: ReadonlyArray<Piece>) =>
    pieces.map((piece) => toSlide(piece, type, piece.kind === "section" ? ++section : section))
  const body = toPages(plan.pieces)
  const points = contents(body)

  const head: Array<Slide> = []
  if (opening === 1) {
    const about = subtitle(brief, type)
    const said = [
      clean(brief) === "" ? "" : `Brief: ${clean(brief)}`,
      type === "" ? "" : `Made from: ${plural(type)}`
    ]
    head.push({
      layout: "title",
      headline: project,
      kicker: client,
      ...(about !== "" && { subtitle: about }),
      notes: said.filter((line) => line !== "").join("\n")
    })
  }
  const missing = slots - body.length
  if (plan.closing && missing > 0 && points.length >= 2) {
    head.push({
      layout: "bullets",
      headline: "Agenda",
      points: sample(named && headings.length >= natural.length * 0.6 ? names : points, 8),
      numbered: true,
      notes: points.map(({ text }) => text).join("\n")
    })
  }
  const end: ReadonlyArray<Slide> = plan.closing
    ? [
        {
          layout: "closing",
          headline: "Thank you",
          points: body.length >= 2 ? sample(points, 3) : [],
          notes: points.map(({ text }) => text).join("\n")
        }
      ]
    : []
  const all = [...head, ...body, ...end]

  if (all.length < wanted)
    remarks.push(
      `The details are enough for ${pages(all.length)} and not for ${wanted}; more would be empty. Give more details to have more.`
    )
  const final = all.at(-1)
  if (plan.left.length > 0 && final !== undefined) {
    const lost = toPages(plan.left).map((slide) => slide.notes ?? slide.headline)
    all[all.length - 1] = { ...final, notes: [final.notes ?? "", ...lost].join("\n\n") }
    remarks.push(
      `${plan.left.length === 1 ? "One topic" : `${plan.left.length} topics`} had no place on ${pages(wanted)} and can be read in the notes of the last one. ${pages(wanted + plan.left.length)} would show everything.`
    )
  }
  const title = [client, project].filter((text) => text !== "").join(" · ")
  return {
    outline: { title: clause(title, longest * 2), footer: clause(title, longest), slides: all },
    remarks
  }
}
