/** Reads details: lines become headed lists, tables, quotes and numbers; data is taken for what it says it is. */
import type { Detail } from "./Detail.ts"
import { gather, headings, introduces } from "./gather.ts"
import { clean, plain, toPoint } from "./lines.ts"
import type { Point } from "./Outline.ts"
import { separated } from "./separated.ts"
import type { Topic } from "./Topic.ts"

const patterns = {
  section: /^#\s+(\S.*)$/u,
  heading: /^#{2,6}\s+(\S.*)$/u,
  colon: /^([^:|>]{2,80}):$/u,
  dash: /^(\s*)(?:[-*•‣▪–]|\d{1,3}[.)](?!\s+(?:Quartal|Halbjahr|Woche|Monat|Jahr)\b))\s+(\S.*)$/u,
  row: /^\s*\|(.+)\|\s*$/u,
  rule: /^[\s|:-]+$/u,
  quote: /^>\s*(\S.*)$/u,
  quoted: /^["“„«](.{8,}?)["”“»]\s*[–—-]{1,2}\s*(\S.{1,80})$/u,
  picture: /^!\[([^\]]*)\]\((\S+)\)$/u,
  image: /^(?:data:image\/\S+|https?:\/\/\S+\.(?:png|jpe?g|gif)(?:\?\S*)?)$/iu
}

const by = /\s+[–—-]{1,2}\s*([^–—]{2,80})$/u

const toQuote = (text: string): Topic => {
  const found = by.exec(text)
  const quote = plain(found === null ? text : text.slice(0, found.index)).replace(/^["“„«]|["”“»]$/gu, "")
  return { kind: "quote", quote, ...(found !== null && { by: plain(found[1] ?? "") }) }
}

/** Lines and what they belong to; a topic is closed when another begins. */
class Lines {
  readonly topics: Array<Topic> = []
  private heading: string | undefined
  private points: Array<Point & { readonly dashed: boolean }> = []
  private rows: Array<ReadonlyArray<string>> = []

  private endTable() {
    const [columns, ...rows] = this.rows
    this.rows = []
    if (columns === undefined) return
    const last = this.points.at(-1)
    const line = last !== undefined && !last.dashed && introduces(last) ? last.text : undefined
    if (line !== undefined) this.points.pop()
    const heading = this.points.length === 0 ? headings(this.heading, line) : line
    this.endList(this.points.length === 0)
    this.topics.push({ kind: "table", ...(heading !== undefined && { heading }), columns, rows })
  }

  endList(taken = false) {
    const { heading, points } = this
    this.heading = undefined
    this.points = []
    if (points.length === 0 && (taken || heading === undefined)) return
    const list = points.map(({ dashed: _, ...point }) => point)
    this.topics.push({ kind: "list", ...(heading !== undefined && { heading }), points: list })
  }

  end() {
    this.endTable()
    this.endList()
  }

  add(line: string) {
    const row = patterns.row.exec(line)
    if (row !== null) {
      const cells = (row[1] ?? "").split("|").map(plain)
      if (!patterns.rule.test(row[1] ?? "")) this.rows.push(cells)
      return
    }
    this.endTable()
    const text = clean(line)
    if (text === "") return
    const section = patterns.section.exec(text)
    const heading = patterns.heading.exec(text) ?? patterns.colon.exec(text)
    const quote = patterns.quote.exec(text)
    const quoted = patterns.quoted.exec(text)
    const picture = patterns.picture.exec(text)
    const dash = patterns.dash.exec(line)
    if (section !== null) {
      this.endList()
      this.topics.push({ kind: "section", heading: plain(section[1] ?? "") })
    } else if (heading !== null) {
      this.endList()
      this.heading = plain(heading[1] ?? "")
    } else if (quote !== null || quoted !== null) {
      this.endList()
      this.topics.push(
        quoted === null
          ? toQuote(quote?.[1] ?? "")
          : { kind: "quote", quote: plain(quoted[1] ?? ""), by: plain(quoted[2] ?? "") }
      )
    } else if (picture !== null || patterns.image.test(text)) {
      const taken = this.points.length === 0 ? this.heading : undefined
      this.endList(taken !== undefined)
      this.topics.push({
        kind: "figure",
        ...(taken !== undefined && { heading: taken }),
        image: picture?.[2] ?? text,
        ...(picture?.[1] !== undefined && picture[1] !== "" && { alt: plain(picture[1]) }),
        points: []
      })
    } else if (dash === null) this.points.push({ ...toPoint(text), dashed: false })
    else this.addDashed(dash[2] ?? "", (dash[1] ?? "").length >= 2)
  }

  /** A plain line with dashed ones under it is their heading. */
  private addDashed(text: string, indented: boolean) {
    const last = this.points.at(-1)
    if (last !== undefined && !last.dashed && !indented) {
      this.points.pop()
      this.endList()
      this.heading = last.lead === undefined ? last.text : `${last.lead}: ${last.text}`
    }
    this.points.push({ ...toPoint(text, indented && last !== undefined ? 1 : 0), dashed: true })
  }
}

const headed = (title: string | undefined) =>
  title === undefined || clean(title) === "" ? {} : { heading: plain(title) }
const listed = (lines: ReadonlyArray<string>) =>
  lines.filter((line) => clean(line) !== "").map((line) => toPoint(line.replace(/^\s*[-*•]\s+/u, "")))

const currencies = /^(?:[$€£¥₺₹]|USD|EUR|GBP|CHF)/u

const ofData = (detail: Exclude<Detail, string>): Topic => {
  if ("chart" in detail) {
    const { labels, series, type, unit = "" } = detail.chart
    const prefix = currencies.exec(unit)?.[0] ?? ""
    const rest = clean(unit.slice(prefix.length))
    const suffix = prefix === "" && /^\p{L}{2}/u.test(rest) ? ` ${rest}` : rest
    return {
      kind: "chart",
      ...headed(detail.title),
      chart: {
        ...(type !== undefined && { kind: type }),
        labels: labels.map(clean),
        // A chart has one value for each label.
        series: series.map(({ name, values }) => ({
          name: clean(name),
          values: labels.map((_, index) => values[index] ?? 0)
        })),
        ...(prefix !== "" && { prefix }),
        ...(suffix !== "" && { suffix })
      },
      points: listed(detail.points ?? [])
    }
  }
  if ("table" in detail) {
    const columns = detail.table.columns.map(plain)
    const cell = (value: string | number | boolean | null | undefined) =>
      typeof value === "number"
        ? value.toLocaleString("en-US", { maximumFractionDigits: 4 })
        : plain(String(value ?? ""))
    const rows = detail.table.rows.map((row) => columns.map((_, index) => cell(row[index])))
    return { kind: "table", ...headed(detail.title), columns, rows }
  }
  if ("image" in detail) {
    return {
      kind: "figure",
      ...headed(detail.title),
      image: detail.image.trim(),
      ...(detail.alt !== undefined && { alt: plain(detail.alt) }),
      points: listed(detail.points ?? [])
    }
  }
  if ("quote" in detail) {
    return {
      kind: "quote",
      quote: plain(detail.quote).replace(/^["“„«]|["”“»]$/gu, ""),
      ...(detail.by !== undefined && { by: plain(detail.by) })
    }
  }
  if ("numbers" in detail) {
    const numbers = detail.numbers.map(({ label, value }) => ({
      value: clean(typeof value === "number" ? value.toLocaleString("en-US") : value),
      label: plain(label)
    }))
    return { kind: "numbers", ...headed(detail.title), numbers }
  }
  if ("columns" in detail) {
    const columns = detail.columns.map(({ heading, points }) => ({
      ...headed(heading),
      points: listed(points)
    }))
    return { kind: "columns", ...headed(detail.title), columns }
  }
  return { kind: "list", ...headed(detail.heading), points: listed(detail.points) }
}

export const topics = (details: ReadonlyArray<Detail>): ReadonlyArray<Topic> => {
  const lines = new Lines()
  let texts: Array<string> = []
  const flush = () => {
    for (const line of separated(texts)) lines.add(line)
    texts = []
  }
  for (const detail of details) {
    if (typeof detail === "string") for (const line of detail.split(/\r\n|[\r\n]/)) texts.push(line)
    else {
      flush()
      lines.end()
      lines.topics.push(ofData(detail))
    }
  }
  flush()
  lines.end()
  return lines.topics
    .flatMap(gather)
    .filter((topic) => topic.kind !== "list" || topic.points.length > 0 || topic.heading !== undefined)
}
