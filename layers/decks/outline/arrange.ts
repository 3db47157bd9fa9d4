/** Arranges details into as many pages as were asked for, by rules; says what could not be done as asked. */
import type { Detail } from "./Detail.ts"
import { framed, type Framed } from "./framed.ts"
import { capital } from "./led.ts"
import { clause, longest } from "./headlines.ts"
import type { Outline, Point, Slide } from "./Outline.ts"
import { compress, expand, paged, type Plan } from "./paging.ts"
import type { Piece } from "./pieces.ts"
import { opening as titlePage, plural } from "./opening.ts"
import { tells, toSlide } from "./slides.ts"
import { clean } from "./lines.ts"
import { topics } from "./topics.ts"
import { wordingOf } from "./wording.ts"

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

const entries = (slides: ReadonlyArray<Slide>): ReadonlyArray<Point> => {
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

/** Words, to tell their language. */
const said = (detail: unknown): string =>
  typeof detail === "string"
    ? detail.slice(0, 2000)
    : typeof detail === "object" && detail !== null
      ? Object.values(detail).map(said).join(" ")
      : ""

const pages = (count: number) => (count === 1 ? "1 slide" : `${count} slides`)

/** `font` is the one that lists are set in. The details have at least one that says something. */
export const arrange = (request: Request, font: string): Arranged => {
  const { brief, slides: wanted } = request
  const client = clean(request.client)
  const project = clean(request.project)
  const type = clean(request.type)
  const remarks: Array<string> = []

  const all = topics(request.details)
  const { aside, rest, title }: Framed = wanted >= 2 ? framed(all) : { aside: [], rest: all }
  const wording = wordingOf([brief, ...request.details.map(said)].join(" "))
  const naming = { subject: plural(type) || clause(project, 50), wording }

  const natural = rest.flatMap((topic) => paged(topic, font))
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
    pieces
      .map((piece) => toSlide(piece, naming, piece.kind === "section" ? ++section : section))
      .map((slide) => (slide.layout === "quote" ? slide : { ...slide, headline: capital(slide.headline) }))
  const body = toPages(plan.pieces)
  const points = entries(body)
  const tellsAt = (index: number, slide: Slide) => {
    const piece = plan.pieces[index]
    return piece !== undefined && tells(piece, slide)
  }
  const told = entries(body.filter((slide, index) => tellsAt(index, slide))).filter(
    ({ text }) => !text.endsWith("…")
  )

  const head: Array<Slide> = []
  if (opening === 1)
    head.push(titlePage({ brief, client, project, type, aside, ...(title !== undefined && { title }) }))
  const missing = slots - body.length
  if (plan.closing && missing > 0 && points.length >= 2) {
    head.push({
      layout: "bullets",
      headline: wording.agenda,
      points: sample(named && headings.length >= natural.length * 0.6 ? names : points, 8),
      numbered: true,
      notes: points.map(({ text }) => text).join("\n")
    })
  }
  const end: ReadonlyArray<Slide> = plan.closing
    ? [
        {
          layout: "closing",
          headline: wording.thanks,
          points: body.length >= 2 && told.length >= 2 ? sample(told, 3) : [],
          notes: points.map(({ text }) => text).join("\n")
        }
      ]
    : []
  const made = [...head, ...body, ...end]

  if (made.length < wanted)
    remarks.push(
      `The details are enough for ${pages(made.length)} and not for ${wanted}; more would be empty. Give more details to have more.`
    )
  const final = made.at(-1)
  if (plan.left.length > 0 && final !== undefined) {
    const lost = toPages(plan.left).map((slide) => slide.notes ?? slide.headline)
    made[made.length - 1] = { ...final, notes: [final.notes ?? "", ...lost].join("\n\n") }
    remarks.push(
      `${plan.left.length === 1 ? "One topic" : `${plan.left.length} topics`} had no place on ${pages(wanted)} and can be read in the notes of the last one. ${pages(wanted + plan.left.length)} would show everything.`
    )
  }
  const name = [client, project].filter((text) => text !== "").join(" · ")
  return {
    outline: { title: clause(name, longest * 2), footer: clause(name, longest), slides: made },
    remarks
  }
}
