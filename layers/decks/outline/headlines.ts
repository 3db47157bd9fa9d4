/** Headlines that state a point: what numbers say, and which line of a list says the most. */
import { figure, format } from "./figures.ts"
import type { Chart, Point } from "./Outline.ts"
import { clean } from "./lines.ts"
import type { Wording } from "./wording.ts"

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

/** The point that a list is led by: one with a number, else one that states something, else the first; none with others under it. */
export const strongest = (points: ReadonlyArray<Point>, most = longest): number => {
  const upper = points.flatMap(({ level }, index) =>
    level === 1 || points[index + 1]?.level === 1 ? [] : [index]
  )
  const telling = upper.find((index) => {
    const text = pointText(points[index] ?? { text: "" })
    return text.length <= most && figure(text) !== undefined
  })
  const stating = upper.find((index) => {
    const text = pointText(points[index] ?? { text: "" })
    return text.length <= most && isStatement(text) && !text.endsWith("?")
  })
  return (
    telling ?? stating ?? upper.find((index) => pointText(points[index] ?? { text: "" }).length <= most) ?? -1
  )
}

const months =
  "jan(?:uary?|uar)?|feb(?:ruary?|ruar)?|mar(?:ch)?|märz?|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|okt(?:ober)?|nov(?:ember)?|dec(?:ember)?|dez(?:ember)?"
const time = new RegExp(
  `^(?:\\d\\.?\\s*(?:quartal|halbjahr|quarter|half|woche|monat|jahr)|kw\\s?\\d{1,2}|(?:${months})\\.?(?:\\s+'?\\d{2,4})?|[qh][1-4](?:[\\s/-]+'?\\d{2,4})?|(?:fy|cy)?\\s?(?:19|20)\\d{2}(?:[-/\\s]?[qh]?\\d{1,2})?|(?:week|month|day|year|sprint|w|m|d|y)\\s?\\d{1,3})$`,
  "i"
)

export const isTime = (labels: ReadonlyArray<string>): boolean =>
  labels.length >= 2 && labels.every((label) => time.test(label.trim()))

const percent = (part: number) => `${Math.abs(part) >= 10 ? Math.round(part) : Math.round(part * 10) / 10}%`

/** `+120%`, if the numbers allow for a ratio. */
const change = (from: number, to: number) => (from > 0 && to >= 0 ? ((to - from) / from) * 100 : undefined)

const verbs =
  "is|are|was|were|has|have|had|will|can|rose|rises?|grew|grows?|fell|falls?|leads?|led|makes?|drives?|drove|doubled?|doubles|tripled?|halved?|halves|beats?|stays?|holds?|keeps?|outpaced?|exceeds?|exceeded|shows?|needs?|takes?|reach(?:es|ed)?|wins?|won|gains?|gained|lost|loses|cuts?|up|down|more|less|faster|slower|best|most|ist|sind|war|waren|hat|haben|wird|werden|kann|steigt|stieg|sinkt|sank|wächst|wuchs|fiel|läuft|laufen|bleibt|bleiben"
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

type Drawn = Omit<Chart, "kind">

const ofTime = (name: string, values: ReadonlyArray<number>, chart: Drawn, wording: Wording): Reading => {
  const [from = "", to = ""] = [chart.labels[0], chart.labels.at(-1)]
  const [first, end] = [values[0] ?? 0, last(values)]
  const show = (value: number) => format(value, chart.prefix, chart.suffix, wording)
  const highlight = chart.labels.length - 1
  const ratio = change(first, end)
  if (first === end) return { headline: wording.held(name, show(end), from, to), highlight }
  // Of a share, the difference in points says more than a ratio of percentages.
  const far = chart.suffix?.trim() === "%" || ratio === undefined || Math.abs(ratio) >= 1000
  const by = far
    ? wording.difference(show(first), show(end))
    : wording.ratio(percent(Math.abs(ratio)), show(end))
  return { headline: wording.moved(name, end > first, by, from, to), highlight }
}

const isWhole = ({ suffix }: Drawn, values: ReadonlyArray<number>) =>
  suffix?.trim() === "%" && Math.abs(values.reduce((total, each) => total + each, 0) - 100) < 1.5

const ofParts = (name: string, values: ReadonlyArray<number>, chart: Drawn, wording: Wording): Reading => {
  const highlight = largest(values)
  const label = chart.labels[highlight] ?? ""
  const value = format(values[highlight] ?? 0, chart.prefix, chart.suffix, wording)
  const said = isWhole(chart, values) ? wording.part : wording.leads
  return { headline: said(name, label, value), highlight }
}

/** What a chart says. */
export const ofChart = (chart: Drawn, heading: string | undefined, wording: Wording): Reading => {
  const [first, second, ...more] = chart.series
  if (first === undefined) return { headline: heading ?? "" }
  const name = clean(heading ?? first.name)
  const reading = isTime(chart.labels)
    ? ofTime(name, first.values, chart, wording)
    : ofParts(name, first.values, chart, wording)
  if (second === undefined) return reading
  const total = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0)
  const [one, two] = [total(first.values), total(second.values)]
  const ratio = change(one, two)
  if (more.length === 0 && ratio !== undefined && ratio !== 0 && chart.suffix?.trim() !== "%") {
    const subject = heading === undefined ? second.name : `${heading}: ${second.name}`
    return { headline: wording.against(subject, first.name, percent(Math.abs(ratio)), ratio > 0) }
  }
  const totals = chart.series.map(({ values }) => total(values))
  const leader = chart.series[largest(totals)]?.name ?? first.name
  return { headline: wording.over(heading ?? "", leader, chart.labels.length, isTime(chart.labels)) }
}

/** What each series did in the time, if all of them can be said in percent: `Revenue up 58%, costs up 11%`. */
export const movements = (chart: Drawn, wording: Wording): string | undefined => {
  const ratios = chart.series.map(({ values }) => change(values[0] ?? 0, last(values)))
  if (!isTime(chart.labels) || ratios.some((ratio) => ratio === undefined || ratio === 0)) return undefined
  const all = chart.series.map(({ name }, index) => {
    const ratio = ratios[index] ?? 0
    return wording.change(name, ratio > 0, percent(Math.abs(ratio)))
  })
  return wording.join(all)
}

/** Lines that stand beside a chart which has none: what can be read from it, and is not in the headline. */
export const observations = (chart: Drawn, wording: Wording): ReadonlyArray<Point> => {
  const [first, ...others] = chart.series
  if (first === undefined || others.length > 0 || chart.labels.length < 3) return []
  const show = (value: number) => format(value, chart.prefix, chart.suffix, wording)
  const { values } = first
  const top = largest(values)
  const low = values.reduce((best, value, index) => (value < (values[best] ?? 0) ? index : best), 0)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const whole = values.every((value) => Number.isInteger(value))
  const decimals = Math.abs(mean) >= 100 || (whole && Math.abs(mean) >= 10) ? 0 : Math.abs(mean) >= 1 ? 1 : 2
  const at = (index: number) => `${show(values[index] ?? 0)} (${chart.labels[index] ?? ""})`
  // Of the parts of a whole, all are written beside them.
  if (isWhole(chart, values)) return []
  return [
    { lead: wording.highest, text: at(top) },
    { lead: wording.lowest, text: at(low) },
    { lead: wording.average, text: format(mean, chart.prefix, chart.suffix, { ...wording, decimals }) }
  ]
}
