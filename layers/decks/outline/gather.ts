/** Gathers the points of a list by what they are: numbers as charts, facts under the line that introduces them, lines of one prefix. */
import { amount, figure, type Amount } from "./figures.ts"
import { isStatement, isTime, longest } from "./headlines.ts"
import { sentences } from "./lines.ts"
import type { Point } from "./Outline.ts"
import { series } from "./series.ts"
import type { Topic } from "./Topic.ts"

/** A point and those that stand under it. */
type Unit = readonly [Point, ...ReadonlyArray<Point>]
type ChartTopic = Topic & { readonly kind: "chart" }
type Block = ChartTopic | (Topic & { readonly kind: "list" })

const most = 24

const units = (points: ReadonlyArray<Point>): ReadonlyArray<Unit> => {
  const all: Array<Unit> = []
  for (const point of points) {
    const before = all.at(-1)
    if (point.level === 1 && before !== undefined) all[all.length - 1] = [...before, point]
    else all.push([point])
  }
  return all
}

/** A few words that name what follows, and say nothing of their own. */
const isKey = (lead: string) => lead.split(" ").length <= 4 && !isStatement(lead)

/** Whether a name is one of a time. */
const isMoment = (name: string) => isTime([name, name])

interface Named {
  readonly label: string
  readonly amount: Amount
}
/** `Malmö: 12`, and without the colon `Q1 12`. */
const namedAmount = ([{ lead, text }, ...under]: Unit): Named | undefined => {
  if (under.length > 0) return undefined
  const [, time = "", rest = ""] = /^(\S+(?:\s\S+)??)\s+(\S.*)$/u.exec(lead === undefined ? text : "") ?? []
  const label = lead ?? (isMoment(time) ? time : undefined)
  const found = label === undefined ? undefined : amount(lead === undefined ? rest : text)
  return label === undefined || found === undefined ? undefined : { label, amount: found }
}
const amountOf = (unit: Unit): Amount | undefined => namedAmount(unit)?.amount
const isFact = ([point, ...under]: Unit) =>
  under.length === 0 &&
  (point.lead === undefined ? point.text.length <= 60 && figure(point.text) !== undefined : isKey(point.lead))

/** How many from there on are alike, as far as it matters. */
const run = (
  all: ReadonlyArray<Unit>,
  from: number,
  alike: (unit: Unit, index: number) => boolean,
  limit = Infinity
): number => {
  let at = from
  for (let unit = all[at]; unit !== undefined && at - from < limit && alike(unit, at); unit = all[at]) at++
  return at - from
}

/** The numbers of a chart that begins there: three or more of one unit. */
const numbersFrom = (all: ReadonlyArray<Unit>, from: number): ReadonlyArray<Unit> => {
  const [first, before] = [all[from], all[from - 1]].map((unit) => unit && amountOf(unit))
  if (first === undefined) return []
  const like = (other: Amount | undefined) => other?.prefix === first.prefix && other.suffix === first.suffix
  if (like(before)) return []
  const count = run(all, from, (unit) => like(amountOf(unit)), most + 1)
  return count < 3 || count > most ? [] : all.slice(from, from + count)
}

const toChart = (
  name: string,
  labels: ReadonlyArray<string>,
  amounts: ReadonlyArray<Amount>
): ChartTopic["chart"] => ({
  labels,
  series: [{ name, values: amounts.map(({ value }) => value) }],
  ...(amounts[0]?.prefix && { prefix: amounts[0].prefix }),
  ...(amounts[0]?.suffix && { suffix: amounts[0].suffix })
})

/** A plain line directly before numbers, facts or a table is what they are to show. */
export const introduces = ({ lead, level, text }: Point): boolean =>
  lead === undefined && level !== 1 && text.length <= longest

const nouns =
  /^(?:open )?(?:action|blocker|change|decision|finding|goal|highlight|idea|issue|lesson|milestone|problem|question|recommendation|result|risk|task|win)$/iu

const gathers = new RegExp(`^next(?: steps?)?$|${nouns.source}`, "iu")

const prefixHeading = (lead: string) =>
  /^next$/iu.test(lead)
    ? "What comes next"
    : /^next steps?$/iu.test(lead)
      ? "Next steps"
      : nouns.test(lead)
        ? `${lead}s`
        : lead

const capital = (text: string) => text.replace(/^\p{Ll}(?=\p{Ll}|\s)/u, (letter) => letter.toUpperCase())
const bare = ({ lead: _, text, ...point }: Point): Point => ({ ...point, text: capital(text) })

/** Those that begin with the same words, by their first: neighbours, or all of what notes are made of, as decisions. */
const prefixes = (all: ReadonlyArray<Unit>): ReadonlyMap<Unit, ReadonlyArray<Unit>> => {
  const open = new Map<string, Array<Unit>>()
  const groups: Array<Array<Unit>> = []
  let before: string | undefined
  for (const unit of all) {
    const [{ lead, text }] = unit
    const named = lead !== undefined && isKey(lead) && amount(text) === undefined && !series(unit[0])
    const key = named ? lead.toLowerCase() : undefined
    const group = key === undefined ? undefined : open.get(key)
    if (key !== undefined && group !== undefined && (key === before || gathers.test(key))) group.push(unit)
    else if (key !== undefined) {
      const started = [unit]
      open.set(key, started)
      groups.push(started)
    }
    before = key
  }
  const found = groups.filter((group) => group.length >= 2)
  return new Map(found.flatMap((group) => group.map((unit) => [unit, group] as const)))
}

/** `free`: no heading holds the points together. */
const blocks = (all: ReadonlyArray<Unit>, free: boolean): ReadonlyArray<Block> => {
  const out: Array<Block> = []
  let plain: Array<Unit> = []
  const flush = () => {
    if (plain.length > 0) out.push({ kind: "list", points: plain.flat() })
    plain = []
  }
  /** Ends the plain points; the last of them may be what introduces the next block. */
  const introduction = () => {
    const last = plain.at(-1)
    const taken = last !== undefined && last.length === 1 && introduces(last[0]) ? last[0].text : undefined
    if (taken !== undefined) plain.pop()
    flush()
    return taken
  }
  const same = free ? prefixes(all) : new Map<Unit, ReadonlyArray<Unit>>()
  const sameAs = (unit: Unit) => same.get(unit)
  const fact = (unit: Unit) => isFact(unit) && sameAs(unit) === undefined && series(unit[0]) === undefined
  // Steps in time are no facts beside others.
  const like = (one: Unit, other: Unit) =>
    fact(one) && fact(other) && isMoment(one[0].lead ?? "") === isMoment(other[0].lead ?? "")
  const startsNothing = (index: number) => numbersFrom(all, index).length === 0
  for (let at = 0; at < all.length; at++) {
    const unit = all[at]
    if (unit === undefined) continue
    const [point] = unit
    const group = sameAs(unit)
    if (group !== undefined) {
      if (group[0] !== unit) continue
      flush()
      const points = group.flatMap(([first, ...under]) => [bare(first), ...under])
      out.push({ kind: "list", heading: prefixHeading(point.lead ?? ""), points })
      continue
    }
    const line = unit.length === 1 ? series(point) : undefined
    if (line !== undefined) {
      const heading = introduction() ?? line.name
      const chart = toChart(line.name, line.labels, line.amounts)
      out.push({ kind: "chart", heading, chart, points: [] })
      continue
    }
    const numbers = numbersFrom(all, at)
    if (numbers.length > 0) {
      const heading = introduction()
      const name = heading === undefined || isStatement(heading) ? "" : heading
      const found = numbers.map(namedAmount).filter((each) => each !== undefined)
      const chart = toChart(
        name,
        found.map(({ label }) => label),
        found.map((each) => each.amount)
      )
      out.push({ kind: "chart", ...(heading !== undefined && { heading }), chart, points: [] })
      at += numbers.length - 1
      continue
    }
    const count = free
      ? run(all, at, (each, index) => like(each, unit) && (index === at || startsNothing(index)))
      : 0
    if (count >= 3) {
      const heading = introduction()
      const points = all.slice(at, at + count).flat()
      out.push({ kind: "list", ...(heading !== undefined && { heading }), points })
      at += count - 1
      continue
    }
    plain.push(unit)
  }
  flush()
  return out
}

/** The heading of a list with the one that a part of it has. */
export const headings = (first: string | undefined, second: string | undefined): string | undefined =>
  first === undefined || second === undefined || first.toLowerCase() === second.toLowerCase()
    ? (first ?? second)
    : `${first}: ${second}`

export const gather = (topic: Topic): ReadonlyArray<Topic> => {
  if (topic.kind !== "list") return [topic]
  const { heading } = topic
  const points = topic.points.flatMap((point) =>
    point.lead === undefined ? sentences(point.text).map((text) => ({ ...point, text })) : [point]
  )
  const all = blocks(units(points), heading === undefined)
  if (heading === undefined) return all
  const charts = all.filter((block) => block.kind === "chart")
  const [chart] = charts
  if (chart === undefined) return [{ ...topic, points }]
  const named = (block: ChartTopic): ChartTopic => ({
    ...block,
    heading,
    chart: { ...block.chart, series: block.chart.series.map((each) => ({ ...each, name: heading })) }
  })
  if (charts.length === 1 && chart.heading === undefined) {
    const rest = all.flatMap((block) => (block.kind === "list" ? block.points : []))
    return [
      { ...named(chart), points: rest.length <= 4 ? rest : [] },
      ...(rest.length > 4 ? [{ kind: "list", points: rest } as const] : [])
    ]
  }
  const [first, ...others] = all
  if (first?.kind === "chart" && first.heading === undefined) return [named(first), ...others]
  return first === undefined
    ? []
    : [{ ...first, heading: headings(heading, first.heading) ?? heading }, ...others]
}
