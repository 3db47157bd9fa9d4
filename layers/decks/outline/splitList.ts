/** Splits a list where its lines are a series of numbers, or have one label. */
import { isSeries, isTime, namedAmount, type Decimal, type Named } from "./amounts.ts"
import type { Block } from "./Block.ts"
import type { Chart, Point } from "./Outline.ts"

export const chartOf = (name: string, entries: ReadonlyArray<Named>): Omit<Chart, "kind"> => ({
  labels: entries.map(({ label }) => label),
  series: [{ name, values: entries.map(({ value }) => value) }],
  ...(entries[0]?.prefix && { prefix: entries[0].prefix }),
  ...(entries[0]?.suffix && { suffix: entries[0].suffix })
})

const breakdown = /(?<!\p{L})(?:by|per|nach|pro|je|par|por)(?!\p{L})|別/iu

/** Whether one chart may show the numbers: of times, or of one unit or one breakdown that a heading names. */
const areComparable = (amounts: ReadonlyArray<Named>, heading: string | undefined): boolean => {
  const unit = `${amounts[0]?.prefix}${amounts[0]?.suffix}`.trim()
  if (isTime(amounts.map(({ label }) => label))) return heading !== undefined || unit !== ""
  return heading === undefined ? unit !== "" && unit !== "%" : unit !== "" || breakdown.test(heading)
}

/** Runs of amounts of one unit become charts, and runs with one label lists under it. */
export const splitList = (
  points: ReadonlyArray<Point>,
  heading: string | undefined,
  decimal: Decimal | undefined
): ReadonlyArray<Block> => {
  const out: Array<Block> = []
  let open: Array<Point> = []
  const flush = () => {
    if (open.length > 0) out.push({ kind: "list", points: open })
    open = []
  }
  const run = <A>(
    from: number,
    read: (point: Point) => A | undefined,
    same: (first: A, next: A) => boolean
  ) => {
    const found: Array<A> = []
    for (const point of points.slice(from)) {
      const next = read(point)
      if (next === undefined || (found[0] !== undefined && !same(found[0], next))) break
      found.push(next)
    }
    return found
  }
  for (let at = 0; at < points.length;) {
    const amounts = run(
      at,
      (point) => namedAmount(point, decimal),
      (first, next) => first.prefix === next.prefix && first.suffix === next.suffix
    )
    if (isSeries(amounts) && areComparable(amounts, heading)) {
      flush()
      out.push({ kind: "chart", chart: chartOf(heading ?? "", amounts), points: [] })
      at += amounts.length
      continue
    }
    const lead = points[at]?.lead
    const labelled =
      heading === undefined && amounts.length === 0
        ? run(
            at,
            (point) => (point.lead !== undefined && point.level === undefined ? point : undefined),
            (first, next) => first.lead?.toLowerCase() === next.lead?.toLowerCase()
          )
        : []
    if (lead !== undefined && labelled.length >= 2 && points[at + labelled.length]?.level === undefined) {
      flush()
      out.push({ kind: "list", heading: lead, points: labelled.map(({ lead: _, ...point }) => point) })
      at += labelled.length
      continue
    }
    const point = points[at++]
    if (point !== undefined) open.push(point)
  }
  flush()
  return out
}
