/** Turns structured details into slides: charts, tables, pictures, quotes, numbers and columns as they are given. */
import { writeNumber, type Language } from "./amounts.ts"
import type { Detail } from "./Detail.ts"
import { pointsOf } from "./markdown.ts"
import type { Chart, Slide } from "./Outline.ts"
import { clean, plain } from "./plainText.ts"
import { chartKind } from "./series.ts"

/** A currency sign precedes a number, a unit follows it: `$`, ` EUR`, `%`, `k`. */
const affixes = (unit: string) => {
  const prefix = /^[$€£¥₺₹]/u.exec(unit)?.[0] ?? ""
  const rest = clean(unit.slice(prefix.length))
  const suffix = prefix === "" && /^\p{L}{2}|^\p{L}+\s/u.test(rest) ? ` ${rest}` : rest
  return { ...(prefix !== "" && { prefix }), ...(suffix !== "" && { suffix }) }
}

const filled = <A, B>(all: ReadonlyArray<A>, count: number, missing: B): ReadonlyArray<A | B> =>
  Array.from({ length: count }, (_, index) => all[index] ?? missing)

/** Gives each series one value per label, null where there is none, and each value a label. */
export const alignSeries = (chart: Chart): Chart => {
  const count = Math.max(chart.labels.length, ...chart.series.map(({ values }) => values.length))
  return {
    ...chart,
    labels: filled(chart.labels, count, ""),
    series: chart.series.map((each) => ({ ...each, values: filled(each.values, count, null) }))
  }
}

const source = /\s[–—]{1,2}\s*([^–—]{1,80}[^–—.!?])$/u

/** Without `by`, the quote may say it: `… — Ana Ruiz`. */
export const quoteSlide = (given: string, by?: string): Slide => {
  const text = clean(given)
  const found = by === undefined ? source.exec(text) : null
  const name = plain(by ?? found?.[1] ?? "")
  return {
    layout: "quote",
    headline: plain(text.slice(0, found?.index)).replace(/^["“„«「]\s*|\s*["”“»」]$/gu, ""),
    ...(name !== "" && { by: name })
  }
}

export const dataSlide = (detail: Exclude<Detail, string>, language: Language | undefined): Slide => {
  const cell = (value: string | number | boolean | null) =>
    typeof value === "number" ? writeNumber(value, language) : plain(String(value ?? ""))
  if ("quote" in detail) return quoteSlide(detail.quote, detail.by)
  const headline = plain(("title" in detail ? detail.title : "heading" in detail ? detail.heading : "") ?? "")
  if ("chart" in detail) {
    const { series, type, unit = "" } = detail.chart
    const labels = detail.chart.labels.map(plain)
    const chart = alignSeries({
      kind: type ?? chartKind(labels, series.length),
      labels,
      series: series.map(({ name, values }) => ({ name: plain(name), values })),
      ...affixes(clean(unit))
    })
    return { layout: "chart", headline, chart, points: pointsOf(detail.points) }
  }
  if ("table" in detail) {
    // A row that is longer than the header keeps its cells, under columns without a name.
    const { columns, rows } = detail.table
    const count = Math.max(columns.length, ...rows.map(({ length }) => length))
    return {
      layout: "table",
      headline,
      columns: filled(columns, count, null).map(cell),
      rows: rows.map((row) => filled(row, count, null).map(cell))
    }
  }
  if ("image" in detail) {
    const alt = plain(detail.alt ?? "")
    const points = pointsOf(detail.points)
    return { layout: "figure", headline, image: detail.image.trim(), ...(alt !== "" && { alt }), points }
  }
  if ("numbers" in detail) {
    const numbers = detail.numbers.map(({ label, value }) => ({ value: cell(value), label: plain(label) }))
    return { layout: "numbers", headline, numbers }
  }
  if ("columns" in detail) {
    const columns = detail.columns.map(({ heading, points }) => ({
      ...(plain(heading) !== "" && { heading: plain(heading) }),
      points: pointsOf(points)
    }))
    return { layout: "columns", headline, columns }
  }
  return { layout: "bullets", headline, points: pointsOf(detail.points) }
}
