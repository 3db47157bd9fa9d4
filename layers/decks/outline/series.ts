/** Finds series of numbers in lines: `label: amount` three times or more, or several in one line. */
import { month, readAmount, type Amount, type Decimal } from "./amounts.ts"
import type { ChartKind, Point, Slide } from "./Outline.ts"
import { clean, pointText } from "./plainText.ts"

interface Named extends Amount {
  readonly label: string
}

/** `label: amount` with nothing else. */
export const namedAmount = (
  { lead, level = 0, text }: Point,
  decimal: Decimal | undefined
): Named | undefined => {
  const found = lead === undefined || level > 0 ? undefined : readAmount(text, decimal)
  return lead === undefined || found === undefined ? undefined : { ...found, label: lead }
}

const times = new RegExp(
  `^(?:(?:${month})\\.?|[qhtw][1-4]|[qh]?\\d\\.?\\s*(?:quartal|halbjahr|quarter|half)|kw\\s?\\d+|(?:fy|gj|cy)?\\s?'?\\d{2}|(?:fy|gj|cy)?\\s?(?:19|20)\\d{2}(?:年|[-/]\\d{1,2})?|(?:week|month|day|year|sprint|woche|monat|tag|jahr)\\s?\\d+)(?:[\\s/-]+'?(?:\\d{2}|\\d{4}))?$`,
  "iu"
)
const isTime = (labels: ReadonlyArray<string>) => labels.every((label) => times.test(label.trim()))

/** Times stand in columns, or on a line if there are many; long or many names stand in bars. */
export const chartKind = (labels: ReadonlyArray<string>, series: number): ChartKind =>
  isTime(labels)
    ? labels.length * series > 12 || labels.length > 6
      ? "line"
      : "column"
    : labels.length > 7 || labels.some((text) => text.length > 12)
      ? "bar"
      : "column"

const unitOf = (amount: Amount | undefined) => amount && `${amount.prefix} ${amount.suffix}`
const isMonth = new RegExp(`^(?:${month})\\.?$`, "iu")
const isDay = ({ isFigure, label, value }: Named) =>
  !isFigure && isMonth.test(label) && value >= 1 && value <= 31

/** A chart of three or more amounts of one unit, which are neither years nor days of months. */
const chartOf = (name: string, amounts: ReadonlyArray<Named>): Slide | undefined => {
  const [first] = amounts
  const labels = amounts.map(({ label }) => label)
  if (first === undefined || amounts.length < 3 || amounts.length > 60) return undefined
  if (amounts.some((each) => unitOf(each) !== unitOf(first) || each.isYear) || amounts.every(isDay))
    return undefined
  const { prefix, suffix } = first
  return {
    layout: "chart",
    headline: name,
    chart: {
      kind: chartKind(labels, 1),
      labels,
      series: [{ name, values: amounts.map(({ value }) => value) }],
      ...(prefix !== "" && { prefix }),
      ...(suffix !== "" && { suffix })
    },
    points: []
  }
}

/** `Q1 12`, `Q1: 12` and `Q1 = 12`. */
const entry = (text: string, decimal: Decimal | undefined): Named | undefined => {
  for (const { index } of text.matchAll(/\s/gu)) {
    const found = readAmount(text.slice(index + 1), decimal)
    if (found !== undefined) return { ...found, label: clean(text.slice(0, index)).replace(/\s*[:=]$/u, "") }
  }
  return undefined
}

export const lineSeries = (point: Point, decimal: Decimal | undefined): Slide | undefined => {
  const text = pointText(point).slice(0, 1000).replace(/\.$/u, "")
  const [, name = "", rest = ""] = /^([^:：]{1,80}?)\s*[:：]\s*(\S.*)$/u.exec(text) ?? []
  const entries = rest.split(/[,;，；、]\s+|[，；、]/u).map((part) => entry(part, decimal))
  const found = entries.filter((each) => each !== undefined)
  return found.length < entries.length ? undefined : chartOf(name, found)
}

/** Whether one chart may show them: at times, or of one unit; percentages without a heading may be of anything. */
const areComparable = (amounts: ReadonlyArray<Named>, heading: string) => {
  const unit = unitOf(amounts[0])?.trim() ?? ""
  return isTime(amounts.map(({ label }) => label))
    ? heading !== "" || unit !== ""
    : unit !== "" && (heading !== "" || unit !== "%")
}

/** The slides of a list: its runs of amounts of one unit are charts. */
export const splitSeries = (
  points: ReadonlyArray<Point>,
  headline: string,
  decimal: Decimal | undefined
): ReadonlyArray<Slide> => {
  const runs: Array<{ readonly points: Array<Point>; readonly amounts: Array<Named> }> = []
  for (const point of points) {
    const amount = namedAmount(point, decimal)
    const last = runs.at(-1)
    if (last !== undefined && unitOf(last.amounts[0]) === unitOf(amount)) {
      last.points.push(point)
      if (amount !== undefined) last.amounts.push(amount)
    } else runs.push({ points: [point], amounts: amount === undefined ? [] : [amount] })
  }
  const slides: Array<Slide> = []
  for (const { amounts, points: run } of runs) {
    const last = slides.at(-1)
    const chart = areComparable(amounts, headline) ? chartOf(headline, amounts) : undefined
    if (chart !== undefined) slides.push(chart)
    else if (last?.layout === "bullets")
      slides[slides.length - 1] = { ...last, points: [...last.points, ...run] }
    else slides.push({ layout: "bullets", headline, points: run })
  }
  return slides
}
