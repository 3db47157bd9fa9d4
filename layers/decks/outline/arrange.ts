/** Arranges details into slides by rules: the fallback where the caller sends no outline. */
import { decimalOf, textLanguage } from "./amounts.ts"
import type { Detail } from "./Detail.ts"
import type { Outline, Point, Slide, SlideOf } from "./Outline.ts"
import { paginate, parts } from "./paginate.ts"
import { plain, textsOf } from "./plainText.ts"
import { readDetails } from "./readDetails.ts"
import { toSlides } from "./slides.ts"

export interface Request {
  readonly client: string
  readonly project: string
  /** What each detail is: `Highlight`. */
  readonly type: string
  readonly details: ReadonlyArray<Detail>
  /** Number of slides; absent: as many as the details take. */
  readonly slides?: number | undefined
}

export interface Arranged {
  readonly outline: Outline
  /** What could not be done as asked, a sentence each. */
  readonly remarks: ReadonlyArray<string>
}

/** Names of formats, which say nothing about the content. */
const format =
  /^(?:plain|raw)?\s*(?:bullets?(?: points?)?|content|csv|data|details?|docx?|documents?|e-?mails?|html|json|lines?|lists?|markdown|md|notes?|paragraphs?|pdf|tables?|texte?s?|txt)$/iu

const same = (first: string, second: string) => first.toLowerCase() === second.toLowerCase()
const mostEntries = 12

/** The sections of the deck, else the headlines of its slides. */
const entriesOf = (slides: ReadonlyArray<Slide>, label: string): ReadonlyArray<Point> => {
  const sections = slides.filter(({ layout }) => layout === "section")
  const shown = sections.length >= 2 ? sections : slides.filter(({ layout }) => layout !== "quote")
  const headlines = shown.map(({ headline }) => headline.replace(/ \(\d+\/\d+\)$/u, ""))
  const distinct = [...new Set(headlines)].filter((text) => text !== label)
  return distinct.map((text, index) => ({ text, number: index + 1 }))
}

/** Slides that have only the label of the deck as their headline are numbered. */
const numbered = (slides: ReadonlyArray<Slide>, label: string): ReadonlyArray<Slide> => {
  const total = slides.filter(({ headline }) => headline === label).length
  let number = 0
  return total < 2
    ? slides
    : slides.map((slide) =>
        slide.headline === label ? { ...slide, headline: `${label} (${++number}/${total})` } : slide
      )
}

const count = (slides: number) => (slides === 1 ? "1 slide" : `${slides} slides`)

/** `font`: the one that lists are set in. */
export const arrange = (given: Request, font: string): Arranged => {
  const request = { ...given, slides: given.slides ?? 12 }
  const [client, project, type] = [request.client, request.project, request.type].map(plain) as [
    string,
    string,
    string
  ]
  const text = textsOf(request.details).join(" ")
  const language = textLanguage(text)
  const decimal = decimalOf(text, language)
  const { blocks: read, isLetter } = readDetails(request.details, decimal, language)
  const remarks = isLetter ? ["The greeting and the signature are left out."] : []

  const [first, ...others] = read
  const isTitled =
    request.slides >= 2 &&
    first?.kind === "section" &&
    others.length > 0 &&
    others.every(({ kind }) => kind !== "section")
  const blocks = isTitled ? others : read
  const title: SlideOf<"title"> = {
    layout: "title",
    headline: project,
    kicker: client,
    ...(isTitled && !same(first.heading, project) && { subtitle: first.heading })
  }
  const labels = { label: project, type: format.test(type) || blocks.length === 0 ? "" : type, decimal }
  const room = request.slides - (request.slides >= 2 ? 1 : 0)

  const bodyOf = (slots: number) => {
    const { left, planned } = paginate(blocks, slots, font)
    let section = 0
    const slides = planned.flatMap((each) =>
      toSlides(parts(each), each.block.kind === "section" ? ++section : section, labels)
    )
    return { left, slides: numbered(slides, project) }
  }
  let body = bodyOf(room)
  // Where topics have names, a list of them says more than more slides for each.
  const headed = blocks.filter(({ heading }) => heading !== undefined).length
  const withRoom =
    headed >= 3 && headed * 3 >= blocks.length * 2 && room > blocks.length ? bodyOf(room - 1) : body
  const entries = entriesOf(withRoom.slides, project)
  const agenda: ReadonlyArray<Slide> =
    withRoom.slides.length < room &&
    request.slides >= 3 &&
    entries.length >= 3 &&
    entries.length * 2 >= withRoom.slides.length &&
    entries.length <= mostEntries
      ? [{ layout: "bullets", headline: language === undefined ? project : "Agenda", points: entries }]
      : []
  if (agenda.length > 0) body = withRoom
  const made = [...(request.slides >= 2 ? [title] : []), ...agenda, ...body.slides]

  if (made.length < request.slides)
    remarks.push(
      `The details are enough for ${count(made.length)}, not for ${request.slides}. Give more details, or an outline.`
    )
  const last = made.at(-1)
  if (body.left.length > 0 && last !== undefined) {
    const lost = body.left
      .flatMap((block) => toSlides([block], 0, labels))
      .map((slide) => textsOf(slide).join("\n"))
    made[made.length - 1] = { ...last, notes: [last.notes ?? "", ...lost].join("\n\n").trim() }
    remarks.push(
      `${body.left.length === 1 ? "One topic" : `${body.left.length} topics`} did not fit on ${count(request.slides)} and went into the notes of the last one. ${count(request.slides + body.left.length)} would show everything.`
    )
  }
  const name = [client, project].filter((each) => each !== "").join(" · ")
  return { outline: { title: name, footer: name, slides: made }, remarks }
}
