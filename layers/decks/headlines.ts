/** Headlines that state a point: what numbers say, and which line of a list says the most. */
import { figure, format } from "./figures.ts"
import type { Chart, Point } from "./Outline.ts"
import { clean } from "./lines.ts"

export const longest = 90

export const pointText = ({ lead, text }: Point) => (lead === undefined ? text : `${lead}: ${text}`)

/** The first clause of a text, if the whole is too long for a headline. */
export const clause = (text: string, most = longest): string => {
  if (text.length <= most) return text.replace(/\.$/, "")
  const parts = text.split(/(?<=[^\d\s])[.;:!?](?=\s)|\s[–—]\s|,\s/u)
  let taken = parts[0] ?? text
  if (taken.length < 12 && parts[1] !== undefined) taken = text.slice(0, taken.length + 2 + parts[1].length)
  if (taken.length <= most) return taken
  const cut = taken.slice(0, most - 1)
  const space = cut.lastIndexOf(" ")
  return `${(space > most * 0.5 ? cut.slice(0, space) : cut).replace(/[\s,;:–—-]+$/u, "")}…`
}

/** The point that a list is led by: one with a number, else the first. */
export const strongest = (points: ReadonlyArray<Point>): number => {
  const upper = points.map(({ level }, index) => (level === 1 ? -1 : index)).filter((index) => index >= 0)
  const telling = upper.find((index) => {
    const text = pointText(points[index] ?? { text: "" })
    return text.length <= longest && figure(text) !== undefined
  })
  return telling ?? upper.find((index) => pointText(points[index] ?? { text: "" }).length <= longest) ?? 0
}

const months = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
const time = new RegExp(
  `^(?:(?:${months})[a-z]*\\.?(?:\\s+'?\\d{2,4})?|[qh][1-4](?:[\\s/-]+'?\\d{2,4})?|(?:fy|cy)?\\s?(?:19|20)\\d{2}(?:[-/\\s]?[qh]?\\d{1,2})?|(?:week|month|day|year|sprint|w|m|d|y)\\s?\\d{1,3})$`,
  "i"
)

export const isTime = (labels: ReadonlyArray<string>): boolean =>
  labels.length >= 2 && labels.every((label) => time.test(label.trim()))

const percent = (part: number) => `${Math.abs(part) >= 10 ? Math.round(part) : Math.round(part * 10) / 10}%`

/** `+120%`, if the numbers allow for a ratio. */
const change = (from: number, to: number) => (from > 0 && to >= 0 ? ((to - from) / from) * 100 : undefined)

const verbs =
  "is|are|was|were|has|have|had|will|can|rose|rises?|grew|grows?|fell|falls?|leads?|led|makes?|drives?|drove|doubled?|doubles|tripled?|halved?|halves|beats?|stays?|holds?|keeps?|outpaced?|exceeds?|exceeded|shows?|needs?|takes?|reach(?:es|ed)?|wins?|won|gains?|gained|lost|loses|cuts?|up|down|more|less|faster|slower|best|most"
const stating = new RegExp(`\\b(?:${verbs})\\b|\\d`, "i")

/** Whether a title says something of its own; a few words without a verb only name what the numbers are. */
export const isStatement = (title: string): boolean => {
  const words = title.split(" ").length
  return words >= 6 || (words >= 3 && stating.test(title))
}

export interface Reading {
  readonly headline: string
  /** The label that it speaks of. */
  readonly highlight?: number
}

const last = (values: ReadonlyArray<number>) => values.at(-1) ?? 0
const largest = (values: ReadonlyArray<number>) =>
  values.reduce((best, value, index) => (value > (values[best] ?? 0) ? index : best), 0)

const ofTime = (name: string, values: ReadonlyArray<number>, chart: Omit<Chart, "kind">): Reading => {
  const [from = "", to = ""] = [chart.labels[0], chart.labels.at(-1)]
  const [first, end] = [values[0] ?? 0, last(values)]
  const show = (value: number) => format(value, chart.prefix, chart.suffix)
  const highlight = chart.labels.length - 1
  const ratio = change(first, end)
  const subject = name === "" ? "" : `${name} `
  const verb = (word: string) => (name === "" ? word.replace(/^./, (letter) => letter.toUpperCase()) : word)
  if (first === end)
    return { headline: `${subject}${verb("held")} at ${show(end)} from ${from} to ${to}`, highlight }
  const up = end > first
  // Of a share, the difference in points says more than a ratio of percentages.
  const far = chart.suffix?.trim() === "%" || ratio === undefined || Math.abs(ratio) >= 1000
  const by = far ? `from ${show(first)} to ${show(end)}` : `${percent(Math.abs(ratio))} to ${show(end)}`
  return { headline: `${subject}${verb(up ? "rose" : "fell")} ${by} between ${from} and ${to}`, highlight }
}

const ofParts = (name: string, values: ReadonlyArray<number>, chart: Omit<Chart, "kind">): Reading => {
  const highlight = largest(values)
  const label = chart.labels[highlight] ?? ""
  const value = format(values[highlight] ?? 0, chart.prefix, chart.suffix)
  const of = name === "" ? "" : ` of ${name.replace(/^\p{Lu}(?=\p{Ll})/u, (letter) => letter.toLowerCase())}`
  const sum = values.reduce((total, each) => total + each, 0)
  if (chart.suffix?.trim() === "%" && Math.abs(sum - 100) < 1.5)
    return { headline: `${label} makes up ${value}${of}`, highlight }
  return { headline: `${name === "" ? "" : `${name}: `}${label} leads with ${value}`, highlight }
}

/** What a chart says. */
export const ofChart = (chart: Omit<Chart, "kind">, heading: string | undefined): Reading => {
  const [first, second, ...more] = chart.series
  if (first === undefined) return { headline: heading ?? "" }
  const name = clean(heading ?? first.name)
  const reading = isTime(chart.labels)
    ? ofTime(name, first.values, chart)
    : ofParts(name, first.values, chart)
  if (second === undefined) return reading
  const total = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0)
  const [one, two] = [total(first.values), total(second.values)]
  const ratio = change(one, two)
  if (more.length === 0 && ratio !== undefined && ratio !== 0 && chart.suffix?.trim() !== "%") {
    const subject = heading === undefined ? second.name : `${heading}: ${second.name}`
    return {
      headline: `${subject} is ${percent(Math.abs(ratio))} ${ratio > 0 ? "ahead of" : "behind"} ${first.name}`
    }
  }
  const totals = chart.series.map(({ values }) => total(values))
  const leader = chart.series[largest(totals)]?.name ?? first.name
  return {
    headline: `${heading === undefined ? "" : `${heading}: `}${leader} leads${chart.labels.length > 1 ? ` over ${chart.labels.length} ${isTime(chart.labels) ? "periods" : "groups"}` : ""}`
  }
}

/** Lines that stand beside a chart which has none: what can be read from it, and is not in the headline. */
export const observations = (chart: Omit<Chart, "kind">): ReadonlyArray<Point> => {
  const [first, ...others] = chart.series
  if (first === undefined || others.length > 0 || chart.labels.length < 3) return []
  const show = (value: number) => format(value, chart.prefix, chart.suffix)
  const { values } = first
  const top = largest(values)
  const low = values.reduce((best, value, index) => (value < (values[best] ?? 0) ? index : best), 0)
  const at = (index: number) => `${show(values[index] ?? 0)} (${chart.labels[index] ?? ""})`
  const sum = values.reduce((total, value) => total + value, 0)
  // Of the parts of a whole, all are written beside them.
  if (chart.suffix?.trim() === "%" && Math.abs(sum - 100) < 1.5) return []
  return [
    { lead: "Highest", text: at(top) },
    { lead: "Lowest", text: at(low) },
    { lead: "Average", text: show(sum / values.length) }
  ]
}
