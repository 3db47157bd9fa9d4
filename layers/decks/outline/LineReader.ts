/** Reads lines of plain text and Markdown into blocks; only headings and lines that end with a colon cover what follows. */
import { lineSeries, namedAmount, type Decimal } from "./amounts.ts"
import type { Block } from "./Block.ts"
import type { Point } from "./Outline.ts"
import { joinHeadings, patterns, toQuote } from "./markdownLines.ts"
import { clean, hidden, isTimed, plain, pointText, sentences, toPoint } from "./plainText.ts"
import { chartOf, splitList } from "./splitList.ts"

/** What a line is like: a colon heading covers lines of one form. */
type Form = "item" | "time" | "amount" | "text"

export class LineReader {
  readonly blocks: Array<Block> = []
  /** Of Markdown, and of a line that ends with a colon. */
  private headings: ReadonlyArray<string> = []
  private label: string | undefined
  private used = true
  private form: Form | undefined
  private points: Array<Point> = []
  private rows: Array<ReadonlyArray<string>> = []
  private quote: Array<string> = []
  private code: { readonly fence: string; readonly lines: Array<string> } | undefined
  private notes: Array<string> = []
  private blank = false
  /** Indents of the open list items, and the level of the outermost. */
  private indents: Array<number> = []
  private base = 0

  private readonly decimal: Decimal | undefined

  constructor(decimal: Decimal | undefined) {
    this.decimal = decimal
  }

  private get heading() {
    return joinHeadings(...this.headings, this.label)
  }

  push(block: Block) {
    const { heading, notes } = this
    this.used = true
    this.notes = []
    this.blocks.push({
      ...(heading !== undefined && { heading }),
      ...block,
      ...(notes.length > 0 && { notes })
    })
  }

  private endList() {
    const { points } = this
    this.points = []
    this.form = undefined
    this.indents = []
    const filled = points.filter((point) => pointText(point) !== "")
    for (const block of splitList(filled, this.heading, this.decimal)) this.push(block)
  }

  private endTable() {
    const [columns, ...rows] = this.rows
    this.rows = []
    if (columns === undefined) return
    this.push({ kind: "table", columns, rows })
    this.label = undefined
  }

  private endQuote() {
    const text = this.quote.join(" ").trim()
    this.quote = []
    if (text === "") return
    const found = patterns.source.exec(text)
    const isSource = found !== null && found.index > 0 && !/[.!?]$/u.test(found[1] ?? "")
    this.push(isSource ? toQuote(text.slice(0, found.index), found[1]) : toQuote(text))
  }

  /** Ends everything that is open, except headings. */
  endBlock() {
    this.endQuote()
    this.endTable()
    this.endList()
  }

  end() {
    if (this.code !== undefined) this.endCode()
    this.closeHeading(0)
  }

  /** Before a table, a quote, a picture, code or data: a colon heading that has its lines does not cover it. */
  private startPart() {
    this.endBlock()
    if (this.used) this.label = undefined
  }

  private closeLabel() {
    this.endBlock()
    this.label = undefined
  }

  /** Closes the headings of that level and below; one without content is a slide of its own. */
  private closeHeading(level: number) {
    this.endBlock()
    const { heading } = this
    if (!this.used && heading !== undefined && (level <= this.headings.length || this.label !== undefined))
      this.push({ kind: "list", points: [] })
    this.label = undefined
    this.headings = this.headings.slice(0, Math.max(level - 1, 0))
  }

  private endCode() {
    const lines = this.code?.lines ?? []
    this.code = undefined
    const code = lines.join("\n").replace(/^\n+|\s+$/gu, "")
    if (code.trim() !== "") this.push({ kind: "code", code })
  }

  add(line: string) {
    const fence = patterns.fence.exec(line)?.[1]
    if (this.code !== undefined) {
      if (fence?.startsWith(this.code.fence)) this.endCode()
      else this.code.lines.push(line.replaceAll("\t", "    "))
      return
    }
    if (fence !== undefined) {
      this.startPart()
      this.code = { fence, lines: [] }
      return
    }
    const row = patterns.row.exec(line)?.[1]
    if (row !== undefined) {
      if (this.rows.length === 0) this.startPart()
      if (!patterns.ruleRow.test(row)) this.rows.push(row.split(/(?<!\\)\|/u).map(plain))
      this.notes.push(...hidden(row))
      return
    }
    this.endTable()
    const text = clean(line)
    const quote = patterns.quote.exec(text)?.[1]
    if (quote !== undefined) {
      if (this.quote.length === 0) this.startPart()
      this.quote.push(quote)
      return
    }
    this.endQuote()
    if (patterns.rule.test(text)) this.closeHeading(1)
    else if (text === "") this.blank = true
    else if (!patterns.emptyMarker.test(text)) {
      const item = patterns.item.exec(line)
      // Empty lines between items do not end their list.
      if (this.blank && this.points.length > 0 && (item === null || this.form !== "item")) this.closeLabel()
      this.blank = false
      this.addText(line, text, item)
    }
  }

  /** Data, under the heading directly above it; its own title says what it shows. */
  addData(block: Block) {
    this.startPart()
    const heading =
      block.heading === undefined || !this.used ? joinHeadings(this.heading, block.heading) : block.heading
    this.push({ ...block, ...(heading !== undefined && { heading }) })
    this.label = undefined
  }

  /** The open list items, with their levels and numbers. */
  items(lines: ReadonlyArray<string>): ReadonlyArray<Point> {
    for (const line of lines.flatMap((text) => text.split(/\r\n|[\r\n]/u))) {
      const text = clean(line)
      const item = patterns.item.exec(line) ?? patterns.item.exec(`- ${text}`)
      if (item !== null && !patterns.emptyMarker.test(text)) this.addItem(item)
    }
    return this.points.filter((point) => pointText(point) !== "")
  }

  private addText(line: string, text: string, item: RegExpExecArray | null) {
    const heading = patterns.heading.exec(text)
    const quoted = patterns.quoted.exec(text)
    const picture = patterns.picture.exec(text)
    const label = item === null ? patterns.label.exec(text)?.[1] : undefined
    if (heading !== null) this.addHeading((heading[1] ?? "").length, plain(heading[2] ?? ""))
    else if (quoted !== null) {
      this.closeLabel()
      this.push(toQuote(quoted[1] ?? "", quoted[2]))
    } else if (picture !== null || patterns.image.test(text)) {
      this.startPart()
      const alt = plain(picture?.[1] ?? "")
      this.push({ kind: "figure", image: picture?.[2] ?? text, ...(alt !== "" && { alt }), points: [] })
    } else if (label !== undefined) {
      if (this.label !== undefined && this.points.length === 0 && !this.used) this.closeHeading(Infinity)
      else this.closeLabel()
      this.label = plain(label)
      this.used = false
    } else if (item !== null) this.addItem(item)
    else this.addLine(line, text)
  }

  private addHeading(depth: number, text: string) {
    if (depth === 1) {
      this.closeHeading(1)
      this.blocks.push({ kind: "section", heading: text })
      return
    }
    // A heading directly under another one belongs to it.
    const level = Math.min(depth - 1, this.headings.length + 1)
    if (level <= this.headings.length || this.label !== undefined) this.closeHeading(level)
    else this.endBlock()
    this.headings = [...this.headings, text]
    this.used = false
  }

  private addItem([, indent = "", number, given = ""]: RegExpExecArray) {
    const last = this.points.at(-1)
    if (this.form !== "item") {
      // A short plain line directly above items is their heading; under a heading, or as a sentence, it has them below it.
      const parent = this.form === "text" && last !== undefined ? pointText(last) : undefined
      const isHeading =
        parent !== undefined &&
        this.heading === undefined &&
        last?.lead === undefined &&
        parent.length <= 80 &&
        !/[.!。！]$/u.test(parent)
      if (isHeading) this.points.pop()
      if (isHeading || (last !== undefined && parent === undefined)) this.closeLabel()
      if (isHeading) {
        this.label = parent
        this.used = false
      }
      this.base = this.points.length > 0 ? 1 : 0
      this.indents = []
      this.form = "item"
    }
    const width = indent.replaceAll("\t", "    ").length
    while ((this.indents.at(-1) ?? -1) >= width) this.indents.pop()
    const depth = Math.min(this.base + this.indents.length, 2)
    this.indents.push(width)
    const level = depth === 1 || depth === 2 ? { level: depth as 1 | 2 } : {}
    const [, done, task] = patterns.task.exec(given) ?? []
    const text = task ?? given
    this.notes.push(...hidden(text))
    const point = toPoint(text)
    const mark = done === undefined ? "" : done === " " ? "☐ " : "☑ "
    this.points.push({
      ...point,
      ...(mark !== "" &&
        (point.lead === undefined ? { text: mark + point.text } : { lead: mark + point.lead })),
      ...level,
      ...(number !== undefined && Number(number) > 0 && { number: Number(number) })
    })
  }

  private addLine(line: string, text: string) {
    const last = this.points.at(-1)
    // An indented line continues the item above it.
    if (this.form === "item" && last !== undefined && /^\s{2,}/u.test(line)) {
      this.points[this.points.length - 1] = { ...last, text: `${last.text} ${plain(text)}` }
      return
    }
    const point = toPoint(text)
    const series = lineSeries(point, this.decimal)
    if (series !== undefined) {
      if (this.label !== undefined && this.used) this.closeLabel()
      else this.endBlock()
      const heading = joinHeadings(this.used ? undefined : this.heading, series.name) ?? ""
      this.push({ kind: "chart", heading, chart: chartOf(series.name, series.entries), points: [] })
      this.label = undefined
      return
    }
    const form: Form = isTimed(text)
      ? "time"
      : namedAmount(point, this.decimal) === undefined
        ? "text"
        : "amount"
    const breaks = this.form !== undefined && this.form !== form
    if (breaks && (this.label !== undefined || (this.heading === undefined && this.form === "item")))
      this.closeLabel()
    this.notes.push(...hidden(text))
    const parts = point.lead === undefined ? sentences(point.text) : [pointText(point)]
    if (parts.length > 1 && this.heading === undefined) {
      // A paragraph on its own is a slide: its first sentence, and the others below it.
      this.endList()
      const [first = "", ...rest] = parts
      const headed = first.length <= 90
      const points = (headed ? rest : parts).map((part) => ({ text: part }))
      this.push({ kind: "list", ...(headed && { heading: first.replace(/\.$/u, "") }), points })
      return
    }
    this.points.push(...(parts.length > 1 ? parts.map((part) => ({ text: part })) : [point]))
    this.form = form
  }
}
