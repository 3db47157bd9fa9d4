/** Turns structured details into blocks: charts, tables, pictures, quotes, numbers and columns as they are given. */
import { writeNumber, type Language } from "./amounts.ts"
import type { Block } from "./Block.ts"
import type { Detail } from "./Detail.ts"
import { LineReader } from "./LineReader.ts"
import { toQuote } from "./markdownLines.ts"
import type { Chart, Point } from "./Outline.ts"
import { clean, plain } from "./plainText.ts"

const headed = (title: string | undefined) => {
  const heading = plain(title ?? "")
  return heading === "" ? {} : { heading }
}
const pointsOf = (lines: ReadonlyArray<string> = []): ReadonlyArray<Point> =>
  new LineReader(undefined).items(lines)

/** A currency sign stands before a number, a unit after it: `$`, ` EUR`, `%`, `k`. */
const affixes = (unit: string) => {
  const prefix = /^[$€£¥₺₹]/u.exec(unit)?.[0] ?? ""
  const rest = clean(unit.slice(prefix.length))
  const suffix = prefix === "" && /^\p{L}{2}|^\p{L}+\s/u.test(rest) ? ` ${rest}` : rest
  return { ...(prefix !== "" && { prefix }), ...(suffix !== "" && { suffix }) }
}

/** Gives each series one value per label, null where there is none, and each value a label. */
export const alignSeries = <C extends Pick<Chart, "labels" | "series">>(chart: C): C => {
  const count = Math.max(chart.labels.length, ...chart.series.map(({ values }) => values.length))
  const fill = <A>(all: ReadonlyArray<A>, missing: A) =>
    Array.from({ length: count }, (_, index) => all[index] ?? missing)
  return {
    ...chart,
    labels: fill(chart.labels, ""),
    series: chart.series.map((each) => ({ ...each, values: fill(each.values, null) }))
  }
}

export const dataBlock = (detail: Exclude<Detail, string>, language: Language | undefined): Block => {
  const cell = (value: string | number | boolean | null | undefined) =>
    typeof value === "number" ? writeNumber(value, language) : plain(String(value ?? ""))
  if ("chart" in detail) {
    const { labels, series, type, unit = "" } = detail.chart
    const chart = {
      ...(type !== undefined && { kind: type }),
      labels: labels.map(plain),
      series: series.map(({ name, values }) => ({ name: plain(name), values })),
      ...affixes(clean(unit))
    }
    return {
      kind: "chart",
      ...headed(detail.title),
      chart: alignSeries(chart),
      points: pointsOf(detail.points)
    }
  }
  if ("table" in detail) {
    // A row that is longer than the header keeps its cells, under columns without a name.
    const count = Math.max(detail.table.columns.length, ...detail.table.rows.map(({ length }) => length))
    const wide = (row: ReadonlyArray<string | number | boolean | null>) =>
      Array.from({ length: count }, (_, index) => cell(row[index]))
    return {
      kind: "table",
      ...headed(detail.title),
      columns: wide(detail.table.columns),
      rows: detail.table.rows.map(wide)
    }
  }
  if ("image" in detail) {
    const alt = plain(detail.alt ?? "")
    return {
      kind: "figure",
      ...headed(detail.title),
      image: detail.image.trim(),
      ...(alt !== "" && { alt }),
      points: pointsOf(detail.points)
    }
  }
  if ("quote" in detail) return toQuote(detail.quote, detail.by)
  if ("numbers" in detail) {
    const numbers = detail.numbers.map(({ label, value }) => ({ value: cell(value), label: plain(label) }))
    return { kind: "numbers", ...headed(detail.title), numbers }
  }
  if ("columns" in detail) {
    const columns = detail.columns.map(({ heading, points }) => ({
      ...headed(heading),
      points: pointsOf(points)
    }))
    return { kind: "columns", ...headed(detail.title), columns }
  }
  return { kind: "list", ...headed(detail.heading), points: pointsOf(detail.points) }
}
