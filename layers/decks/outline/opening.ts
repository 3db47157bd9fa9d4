/** What the first page says: the brief where it is a phrase for those who see the deck, else the project. */
import { clause } from "./headlines.ts"
import { clean } from "./lines.ts"
import type { SlideOf } from "./Outline.ts"

/** Says what the details are made of and not what they are about. */
const formats =
  /^(?:plain|raw|free)?[\s-]*(?:bullets?(?:[\s-]*(?:points?|list))?|content|contents|csv|data|details?|docx?|documents?|files?|html|json|lines?|lists?|markdown|md|meeting notes?|mixed|notes?|other|paragraphs?|pdf|strings?|tables?|texte?s?|text files?|txt|unknown)$/iu

/** `Highlight` → `Highlights`; nothing for what is only a format. */
export const plural = (type: string): string =>
  type === "" || formats.test(type)
    ? ""
    : /s$/i.test(type)
      ? type
      : `${type}s`.replace(/([^aeiou])ys$/i, "$1ies")

const subject = new RegExp(
  "\\b(?:focus(?:ing|ed|es)?\\s+on|about|covering|highlighting|showing|presenting|summari[sz]ing)\\s+(.{3,110}?)[.!]?$",
  "iu"
)

/** Asks something of whoever makes the deck. */
const asks = new RegExp(
  "^(?:please|make|create|write|build|generate|prepare|produce|design|keep|use|include|add|show|present|explain|summari[sz]e|highlight|focus|help|convince|tell|give|turn|convert|do not|don't|you|i|we need|an? (?:[\\w-]+ )?(?:deck|presentation|slides?)|deck|slides?|presentation|powerpoint|ppt|client-facing|customer-facing|internal|short|for |bitte|erstelle|mach|schreib|zeige|für )\\b|\\b(?:please|slides|decks?|tone|audience|bullets?|bitte|folien)\\b",
  "iu"
)
const audience =
  /,?\s+(?:for|für)\s+(?:the|our|an?|die|das|den|unsere?n?)\s+(?:\p{L}+\s+)?(?:audience|boards?|clients?|customers?|execs?|executives?|investors?|leadership|management|people|stakeholders?|teams?|kunden?|vorstand|geschäftsführung)$/iu

const capital = (text: string) => text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())
const same = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\d]+/gu, " ")
    .trim()

/** What of the brief may stand on a page. */
const phrase = (brief: string): string | undefined => {
  const [first = ""] = clean(brief).split(/(?<=\p{L}{2}[.!?])\s/u)
  const about = subject.exec(first)?.[1]
  if (about !== undefined) return capital(about)
  const said = first.replace(/[.!]$/u, "").replace(audience, "")
  return said.length < 3 || asks.test(said) ? undefined : capital(said)
}

/** A name that says little: it stands above what says more. */
const isShort = (name: string) => name.length <= 24 && name.split(" ").length <= 2

export interface Given {
  readonly client: string
  readonly project: string
  readonly type: string
  readonly brief: string
  /** What the details themselves have as their title. */
  readonly title?: string
  /** What is said to whoever reads the details, as a greeting: goes into the notes. */
  readonly aside: ReadonlyArray<string>
}

const mostTitle = 70
const mostSubtitle = 120

export const opening = ({ aside, brief, client, project, title, type }: Given): SlideOf<"title"> => {
  const said = phrase(brief)
  const named = [said, title].filter((text) => text !== undefined)
  // What the brief is about, if a few words are picked from it, explains a title and is none.
  const whole = said !== undefined && same(clean(brief)).startsWith(same(said))
  const head = isShort(project)
    ? (whole ? named : named.slice(said === undefined ? 0 : 1)).find(
        (text) => text.length <= mostTitle && text.split(" ").length >= 2
      )
    : undefined
  const headline = head ?? project
  const contained = (text: string) => ` ${same(headline)} `.includes(` ${same(text)} `)
  const kicker = [client, project].filter((text, index) => index === 0 || !contained(text)).join(" · ")
  const below = [...named, clean(brief) === "" ? plural(type) : ""].find(
    (text) => text !== "" && !contained(text)
  )
  const notes = [
    clean(brief) === "" ? "" : `Brief: ${clean(brief)}`,
    title ?? "",
    ...aside,
    type === "" ? "" : `Made from: ${plural(type) || type}`
  ]
  return {
    layout: "title",
    headline,
    kicker,
    ...(below !== undefined && { subtitle: clause(below, mostSubtitle) }),
    notes: notes.filter((line) => line !== "").join("\n")
  }
}
