/** Headlines of points that have none: the strongest of them, which is then not among them, or what all are about. */
import { figure } from "./figures.ts"
import { clause, isStatement, longest, pointText, strongest } from "./headlines.ts"
import type { Point } from "./Outline.ts"
import type { Wording } from "./wording.ts"

/** What the details are called where they do not say it, and in which words. */
export interface Naming {
  readonly subject: string
  readonly wording: Wording
}

/** Headlines have no full stop. */
export const sentence = (text: string) => text.replace(/\.$/, "")

export const capital = (text: string) =>
  text.replace(/^\p{Ll}(?=\p{Ll}|\s)/u, (letter) => letter.toUpperCase())

/** Few and short enough to be a headline together. */
export const joined = (names: ReadonlyArray<string | undefined>, { wording }: Naming) => {
  const all = names.filter((name) => name !== undefined)
  if (
    all.length < names.length ||
    all.length < 2 ||
    all.length > 4 ||
    all.some((name) => / (?:and|und) /iu.test(name))
  )
    return undefined
  const text = wording.join(all)
  return text.length <= 64 ? text : undefined
}

/** A line alone on its page; words before a colon that say something are its headline. */
export const ofLine = (point: Point): { readonly headline: string; readonly text?: string } => {
  const text = pointText(point)
  if (point.lead !== undefined && isStatement(point.lead))
    return { headline: point.lead, text: capital(point.text) }
  if (text.length <= 160) return { headline: sentence(text) }
  const headline = clause(text)
  return { headline, text: headline.endsWith("…") ? text : rest(text, headline) }
}

/** What follows the words that a headline took, if these are a clause of their own. */
const rest = (text: string, headline: string) => {
  const after = text.startsWith(headline) ? text.slice(headline.length) : ""
  return /^(?:[.;:!?]|\s[–—])/u.test(after) ? capital(after.replace(/^[\s.;:!?–—]+/u, "")) : text
}

/** A statement with a line below it. */
export const mostStatement = 110

const namesOnly = (text: string) => text.length <= 40 && !isStatement(text) && figure(text) === undefined

/** The headline of points without one, which it is then not among. */
export const led = (points: ReadonlyArray<Point>, naming: Naming) => {
  const upper = points.filter(({ level }) => level !== 1)
  const keys = joined(
    upper.map(({ lead }) => (lead === undefined || isStatement(lead) ? undefined : lead)),
    naming
  )
  if (keys !== undefined) return { headline: keys, points }
  // Where no line states anything, none speaks for the others.
  if (upper.length > 1 && upper.every(({ lead, text }) => lead === undefined && namesOnly(text))) {
    const names =
      points.length === 2
        ? joined(
            upper.map(({ text }) => text),
            naming
          )
        : undefined
    return names === undefined
      ? { headline: naming.wording.glance(naming.subject), points }
      : { headline: names, points: [] }
  }
  const at = strongest(points, points.length === 2 ? mostStatement : longest)
  const leading = points[at]
  if (leading !== undefined && upper.length > 1)
    return { headline: sentence(pointText(leading)), points: points.filter((_, index) => index !== at) }
  const [first, ...others] = points
  const headline = first === undefined || upper.length < 2 ? "" : clause(pointText(first))
  if (first !== undefined && points[1]?.level !== 1 && headline !== "" && !headline.endsWith("…")) {
    const text = rest(pointText(first), headline)
    return { headline, points: text === "" ? others : [{ text }, ...others] }
  }
  if (upper.length === 1 && upper[0] !== undefined && pointText(upper[0]).length <= longest)
    return {
      headline: sentence(pointText(upper[0])),
      points: others.map(({ level: _, ...point }) => point)
    }
  const names = joined(
    upper.map(({ text }) => text),
    naming
  )
  return { headline: names ?? naming.wording.glance(naming.subject), points }
}
