/** Arranges details into slides by rules: the fallback where the caller sends no outline. Nothing is computed or ranked. */
import { decimalOf, textLanguage, type Decimal } from "./amounts.ts"
import type { Detail } from "./Detail.ts"
import { fill, numbered, splitPoints } from "./fill.ts"
import type { Outline, Point, Slide, SlideOf } from "./Outline.ts"
import { mostText } from "./schemaParts.ts"
import { mapTexts, plain, pointText, textsOf } from "./plainText.ts"
import { readDetails } from "./readDetails.ts"
import { namedAmount } from "./series.ts"

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

interface Labels {
  /** Headline of what has no heading. */
  readonly project: string
  /** What each detail is, above one that has a slide to itself. */
  readonly type: string
  readonly decimal: Decimal | undefined
}

/** Names of formats, which say nothing about the content. */
const format =
  /^(?:plain|raw)?\s*(?:bullets?(?: points?)?|content|csv|data|details?|docx?|documents?|e-?mails?|html|json|lines?|lists?|markdown|md|notes?|paragraphs?|pdf|tables?|texte?s?|txt)$/iu

const mostStatement = 160
const mostUnder = 400
const mostInColumn = 14
const mostFigures = 4
const mostFigureLength = 10
const mostEntries = 12
const mostNumbers = 8
const mostPoints = 300

const figureOf = (point: Point, decimal: Decimal | undefined) => {
  const found = point.text.length <= mostFigureLength ? namedAmount(point, decimal) : undefined
  return found?.isFigure === true ? { value: point.text, label: found.label } : undefined
}

/** A point that has a slide to itself. */
const ofPoint = (slide: SlideOf<"bullets">, point: Point, { decimal, type }: Labels): Slide => {
  const { headline, points: _, ...rest } = slide
  const text = pointText(point)
  const figure = figureOf(point, decimal)
  const above = headline === "" ? type : headline
  const kicker = above === "" || above === point.lead ? {} : { kicker: above }
  if (figure !== undefined)
    return { ...rest, layout: "number", headline: figure.label, value: figure.value, ...kicker }
  if (text.length > mostUnder || (point.number !== undefined && headline !== "")) return slide
  if (headline !== "") return { ...rest, layout: "statement", headline, text }
  if (point.lead !== undefined && text.length > 60)
    return { ...rest, layout: "statement", headline: point.lead, text: point.text, ...kicker }
  if (text.length > mostStatement) return slide
  return { ...rest, layout: "statement", headline: text.replace(/(?<=[^.])\.$/u, ""), ...kicker }
}

/** A list as it is shown best: a statement, large numbers, points, or points in columns. */
const shaped = (slide: Slide, labels: Labels): Slide => {
  if (slide.layout === "numbers" && slide.numbers.length > mostNumbers) {
    const { numbers, ...others } = slide
    const points = numbers.map(({ label, value }) => ({ lead: label, text: String(value) }))
    return shaped({ ...others, layout: "bullets", points }, labels)
  }
  if (slide.layout !== "bullets") return slide
  if (slide.points.length > mostPoints) {
    const left = slide.points.slice(mostPoints).map(pointText).join("\n")
    const notes = [slide.notes ?? "", left].join("\n").trim()
    return shaped({ ...slide, points: slide.points.slice(0, mostPoints), notes }, labels)
  }
  const { points, ...rest } = slide
  const [first] = points
  if (first === undefined) return { ...rest, layout: "statement" }
  if (points.length === 1) return ofPoint(slide, first, labels)
  const numbers = points.map((point) => figureOf(point, labels.decimal)).filter((each) => each !== undefined)
  if (numbers.length === points.length && numbers.length <= mostFigures)
    return { ...rest, layout: "numbers", numbers }
  if (points.length <= mostInColumn) return slide
  const columns = splitPoints(points, points.length > 2 * mostInColumn ? 3 : 2)
  return { ...rest, layout: "columns", columns: columns.map((part) => ({ points: part })) }
}

/** A slide with a headline: its own, that of its data, or the name of the project. */
const headed = (given: Slide, labels: Labels): Slide => {
  const slide = shaped(given, labels)
  const own =
    slide.headline ||
    (slide.layout === "chart" && slide.chart.series.length === 1 && slide.chart.series[0]?.name) ||
    (slide.layout === "figure" && slide.alt)
  return { ...slide, headline: own || labels.project }
}

/** Texts that several details make are no longer than the schema of the outline allows. */
const clipped = (text: string, name: string) =>
  text.length > mostText && name !== "image" ? `${text.slice(0, mostText - 1).toWellFormed()}…` : text

/** The sections of the deck, else the headlines of its slides. */
const entriesOf = (slides: ReadonlyArray<Slide>, project: string): ReadonlyArray<Point> => {
  const sections = slides.filter(({ layout }) => layout === "section")
  const shown = sections.length >= 2 ? sections : slides.filter(({ layout }) => layout !== "quote")
  const distinct = new Set(shown.map(({ headline }) => headline).filter((text) => text !== project))
  return [...distinct].map((text, index) => ({ text, number: index + 1 }))
}

const count = (slides: number) => (slides === 1 ? "1 slide" : `${slides} slides`)

/** `font`: the one that lists are set in. */
export const arrange = (request: Request, font: string): Arranged => {
  const wanted = request.slides ?? 12
  const [client, project, type] = [plain(request.client), plain(request.project), plain(request.type)]
  const text = textsOf(request.details).join(" ")
  const language = textLanguage(text)
  const decimal = decimalOf(text, language)
  const read = readDetails(request.details, decimal, language)

  const [first, ...others] = read
  const isTitled =
    wanted >= 2 &&
    first?.layout === "section" &&
    others.length > 0 &&
    others.every(({ layout }) => layout !== "section")
  const given = isTitled ? others : read
  const title: Slide = {
    layout: "title",
    headline: project,
    kicker: client,
    ...(isTitled && first.headline.toLowerCase() !== project.toLowerCase() && { subtitle: first.headline })
  }
  const labels = { project, type: format.test(type) || given.length === 0 ? "" : type, decimal }
  const room = wanted - (wanted >= 2 ? 1 : 0)

  const { left, parts } = fill(given, room, font)
  let section = 0
  const headedParts = parts.map(({ slide: part, source }) => {
    const slide = headed(part, labels)
    return { source, slide: slide.layout === "section" ? { ...slide, number: ++section } : slide }
  })
  const body = numbered(headedParts)
  const entries = entriesOf(
    headedParts.map(({ slide }) => slide),
    project
  )
  const hasAgenda =
    wanted >= 3 &&
    body.length < room &&
    entries.length >= 3 &&
    entries.length <= mostEntries &&
    entries.length * 2 >= body.length
  const agenda: Slide = {
    layout: "bullets",
    headline: language === undefined ? project : "Agenda",
    points: entries
  }
  const made = [...(wanted >= 2 ? [title] : []), ...(hasAgenda ? [agenda] : []), ...body]

  const remarks: Array<string> = []
  if (made.length < wanted)
    remarks.push(
      `The details are enough for ${count(made.length)}, not for ${wanted}. Give more details, or an outline.`
    )
  const last = made.at(-1)
  if (left.length > 0 && last !== undefined) {
    const lost = left.map(({ slide }) => textsOf(headed(slide, labels)).join("\n"))
    made[made.length - 1] = { ...last, notes: [last.notes ?? "", ...lost].join("\n\n").trim() }
    remarks.push(
      `${left.length === 1 ? "One topic" : `${left.length} topics`} did not fit on ${count(wanted)} and went into the notes of the last one. ${count(wanted + left.length)} would show everything.`
    )
  }
  const name = [client, project].filter((each) => each !== "").join(" · ")
  return { outline: { title: name, footer: name, slides: mapTexts(made, clipped) }, remarks }
}
