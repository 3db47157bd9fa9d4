/** Finds what stands around details and is none of them: their title, and the greeting and signature of a mail. */
import type { Point } from "./Outline.ts"
import type { Topic } from "./Topic.ts"

export interface Framed {
  readonly title?: string
  /** Greeting and signature. */
  readonly aside: ReadonlyArray<string>
  readonly rest: ReadonlyArray<Topic>
}

const dated =
  /(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2}|\d{1,2}\.?\s\p{L}{3,9}\s\d{4}|\p{L}{3,9}\s\d{1,2},\s\d{4})$/u
const greeting =
  /^(?:hi|hello|hey|dear|hallo|liebe[rs]?|guten tag|sehr geehrte[rs]?)(?:\s[^.!?]{0,40})?[,!]$/iu
const farewell =
  /^(?:thanks|thank you|many thanks|best|cheers|(?:best|kind|warm) (?:regards|wishes)|regards|danke|(?:viele|beste|liebe|freundliche) grüße|mit freundlichen grüßen)[,!.]?$/iu

const withPoints = (topic: Topic & { readonly kind: "list" }, points: ReadonlyArray<Point>) =>
  points.length === 0 ? [] : [{ ...topic, points }]

interface Without {
  readonly said: ReadonlyArray<string>
  readonly rest: ReadonlyArray<Topic>
}

const greeted = (all: ReadonlyArray<Topic>): Without => {
  const [first, ...others] = all
  const [line, ...points] = first?.kind === "list" && first.heading === undefined ? first.points : []
  return first?.kind === "list" && line !== undefined && greeting.test(line.text)
    ? { said: [line.text], rest: [...withPoints(first, points), ...others] }
    : { said: [], rest: all }
}

const signed = (all: ReadonlyArray<Topic>): Without => {
  const last = all.at(-1)
  if (last?.kind !== "list") return { said: [], rest: all }
  const at = last.points.findIndex(({ text }) => farewell.test(text))
  const tail = at < 0 || (at === 0 && last.heading !== undefined) ? [] : last.points.slice(at)
  // A farewell is followed by a name, perhaps a role and a company.
  return tail.length === 0 || tail.length > 4 || tail.some(({ text }) => text.length > 60)
    ? { said: [], rest: all }
    : {
        said: tail.map(({ text }) => text),
        rest: [...all.slice(0, -1), ...withPoints(last, last.points.slice(0, at))]
      }
}

/** The one `#`, or a first line that ends with a date. */
const titled = (
  all: ReadonlyArray<Topic>
): { readonly title?: string; readonly rest: ReadonlyArray<Topic> } => {
  const [first, ...others] = all
  if (first?.kind === "section" && others.length > 0 && others.every(({ kind }) => kind !== "section"))
    return { title: first.heading, rest: others }
  if (first?.kind === "list" && first.heading === undefined) {
    const [line, ...points] = first.points
    const rest = [...withPoints(first, points), ...others]
    if (
      line !== undefined &&
      line.lead === undefined &&
      line.text.length <= 60 &&
      dated.test(line.text) &&
      rest.length > 0
    )
      return { title: line.text, rest }
  }
  return { rest: all }
}

/** Details that are nothing else stay details. */
export const framed = (all: ReadonlyArray<Topic>): Framed => {
  const start = greeted(all)
  const end = signed(start.rest)
  if (end.rest.length === 0) return { aside: [], rest: all }
  return { aside: [...start.said, ...end.said], ...titled(end.rest) }
}
