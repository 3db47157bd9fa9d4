/** Reads a line of names and numbers as the numbers of a chart: `Revenue: Q1 12, Q2 14, Q3 19`. */
import { amount, type Amount } from "./figures.ts"
import { isTime, pointText } from "./headlines.ts"
import type { Point } from "./Outline.ts"

export interface Series {
  /** What they are numbers of. */
  readonly name: string
  readonly labels: ReadonlyArray<string>
  readonly amounts: ReadonlyArray<Amount>
}

/** `May 12` is a day, and no number of May. */
const days = /\b(?:dates?|days?|deadlines?|when|termine?|tage?|wann)\b/i

/** `Q1 12`, `Q1: 12` and `Q1 = 12`. */
const entry = (text: string): readonly [string, Amount] | undefined => {
  for (const { index } of text.matchAll(/\s/gu)) {
    const found = amount(text.slice(index + 1))
    if (found !== undefined) return [text.slice(0, index).replace(/\s*[:=]$/u, ""), found]
  }
  return undefined
}

/** Also `Revenue 2024: 12, 2025: 14, 2026: 19`, where the first name has the one of all before it. */
const named = (first: string, others: ReadonlyArray<string>): readonly [string, string] | undefined => {
  const colon = /^([^:]{1,60}):\s+(\S.*)$/u.exec(first)
  if (colon !== null) return [colon[1] ?? "", colon[2] ?? ""]
  const word = /^(.{1,60}?)\s+(\S+)$/u.exec(first)
  return word !== null && isTime([word[2] ?? "", ...others]) ? [word[1] ?? "", word[2] ?? ""] : undefined
}

/** Three or more numbers of one unit, with a name each and one for all. */
export const series = (point: Point): Series | undefined => {
  if (point.level === 1) return undefined
  const text = pointText(point).replace(/\.$/u, "")
  if (text.length > 400) return undefined
  const entries = text.split(/[,;]\s+/u).map(entry)
  const [first, ...others] = entries
  if (first === undefined || others.length < 2 || others.length > 23) return undefined
  const rest = others.filter((each) => each !== undefined)
  if (rest.length < others.length) return undefined
  const amounts = [first, ...rest].map(([, each]) => each)
  if (amounts.some(({ prefix, suffix }) => prefix !== first[1].prefix || suffix !== first[1].suffix))
    return undefined
  const names = rest.map(([name]) => name)
  const found = named(first[0], names)
  if (found === undefined || days.test(found[0])) return undefined
  return { name: found[0], labels: [found[1], ...names], amounts }
}
