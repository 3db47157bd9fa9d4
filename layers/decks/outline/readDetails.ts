/** Reads the details of a request into slides, whose headline is empty where nothing heads them. */
import type { MarkedToken } from "marked"
import type { Decimal, Language } from "./amounts.ts"
import { dataSlide, quoteSlide } from "./dataSlides.ts"
import type { Detail } from "./Detail.ts"
import { deeper } from "./fill.ts"
import { blocksOf, itemsOf } from "./markdown.ts"
import type { Point, Slide } from "./Outline.ts"
import { lineSeries, namedAmount, splitSeries } from "./series.ts"
import { clean, hidden, isTimed, plain, sentences, toPoint } from "./plainText.ts"

/** What a line is like: a colon heading covers lines of one form. */
type Form = "item" | "time" | "amount" | "text"

const patterns = {
  empty: /^(?:[-*+•‣▪–]|\d{1,3}[.)]|#{1,6}|>|={3,})?$/u,
  label: /^([^|>]{2,80}?)\s*[:：]$/u,
  picture: /^!\[([^\]]*)\]\((\S+?)(?:\s+"[^"]*")?\)$/u,
  image: /^https?:\/\/\S+\.(?:png|jpe?g|gif)(?:\?\S*)?$/iu
}
const isData = (text: string) => /^\s*data:image\//iu.test(text)

const mostHeading = 90

/** `First: second`, once where both are the same. */
const joinHeadings = (all: ReadonlyArray<string | undefined>): string =>
  [...new Set(all.filter((text) => text !== undefined && text !== ""))].join(": ")

class Reader {
  readonly slides: Array<Slide> = []
  /** Of Markdown, and of a line that ends with a colon. */
  private headings: ReadonlyArray<string> = []
  private label: string | undefined
  /** Whether the headings have nothing below them yet. */
  private bare = false
  private points: Array<Point> = []
  private form: Form | undefined
  private notes: Array<string> = []

  private readonly decimal: Decimal | undefined

  constructor(decimal: Decimal | undefined) {
    this.decimal = decimal
  }

  private get heading() {
    return joinHeadings([...this.headings, this.label])
  }

  private push(slide: Slide) {
    const { notes } = this
    this.bare = false
    this.notes = []
    this.slides.push(notes.length === 0 ? slide : { ...slide, notes: notes.join("\n") })
  }

  private endList() {
    const { heading, points } = this
    this.points = []
    this.form = undefined
    for (const slide of splitSeries(points, heading, this.decimal)) this.push(slide)
  }

  /** Closes what is open, and all but that many headings; one with nothing below it becomes a separate slide. */
  close(kept = this.headings.length) {
    this.endList()
    if (this.bare && (this.label !== undefined || kept < this.headings.length))
      this.push({ layout: "bullets", headline: this.heading, points: [] })
    this.label = undefined
    this.headings = this.headings.slice(0, kept)
  }

  /** Adds a slide other than a list, under the heading directly above it; its own title says what it shows. */
  addPart(slide: Slide) {
    this.endList()
    if (!this.bare) this.label = undefined
    const { heading } = this
    const own = slide.headline === "" || this.bare ? joinHeadings([heading, slide.headline]) : slide.headline
    if (slide.layout !== "quote") this.push({ ...slide, headline: own })
    else this.push(heading === "" ? slide : { ...slide, kicker: heading })
    this.label = undefined
  }

  add(block: MarkedToken) {
    switch (block.type) {
      case "space":
        return
      case "heading":
        return this.addHeading(block.depth, plain(block.text))
      case "hr":
        return this.close(0)
      case "list":
        return this.addItems(itemsOf(block, this.notes))
      case "code":
        return block.text.trim() === ""
          ? undefined
          : this.addPart({ layout: "code", headline: "", code: block.text.replaceAll("\t", "    ") })
      case "blockquote":
        return clean(block.text) === "" ? undefined : this.addPart(quoteSlide(block.text))
      case "table": {
        const [columns = [], ...rows] = [block.header, ...block.rows].map((row) =>
          row.map(({ text }) => {
            this.notes.push(...hidden(text))
            return plain(text)
          })
        )
        return this.addPart({ layout: "table", headline: "", columns, rows })
      }
      default:
        // Another paragraph is no longer below the label.
        if (this.points.length > 0 && this.label !== undefined) this.close()
        for (const line of block.raw.split("\n")) this.addLine(line)
    }
  }

  private addHeading(depth: number, text: string) {
    if (text === "") return
    if (depth === 1) {
      this.close(0)
      return this.push({ layout: "section", headline: text })
    }
    // A heading directly under another one belongs to it.
    const level = Math.min(depth - 2, this.headings.length)
    this.close(level)
    this.headings = [...this.headings, text]
    this.bare = true
  }

  private addItems(points: ReadonlyArray<Point>) {
    const last = this.points.at(-1)
    const isText = this.form === "text" && last !== undefined
    // A short plain line directly above items is their heading; under a heading, or as a sentence, it has them below it.
    if (
      isText &&
      this.heading === "" &&
      last.lead === undefined &&
      /^.{1,80}(?<![.!。！])$/u.test(last.text)
    ) {
      this.points.pop()
      this.close()
      this.label = last.text
      this.bare = true
    } else if (!isText && this.form !== "item" && this.points.length > 0) this.close()
    const nested = this.form === "text" && this.points.length > 0
    this.points.push(...(nested ? points.map(deeper) : points))
    this.form = "item"
  }

  private addLine(line: string) {
    const text = clean(line).replace(/^[-*+]\s+/u, "")
    if (patterns.empty.test(text)) return
    const [, alt = "", image = text] = patterns.picture.exec(text) ?? []
    const label = patterns.label.exec(text)?.[1]
    const point = toPoint(text)
    const series = lineSeries(point, this.decimal)
    if (image !== text || patterns.image.test(text))
      this.addPart({ layout: "figure", headline: "", image, ...(alt !== "" && { alt: plain(alt) }) })
    else if (label !== undefined) {
      this.close()
      this.label = plain(label)
      this.bare = true
    } else if (series !== undefined) this.addPart(series)
    else this.addPoint(text, point)
  }

  private addPoint(text: string, point: Point): void {
    const amount = namedAmount(point, this.decimal)
    const form: Form = isTimed(text) ? "time" : amount === undefined ? "text" : "amount"
    const isOther = this.form !== undefined && this.form !== form
    if (isOther && (this.label !== undefined || (this.headings.length === 0 && this.form === "item")))
      this.close()
    this.notes.push(...hidden(text))
    const all = point.lead === undefined ? sentences(point.text).map((part) => ({ text: part })) : [point]
    const [first = point, ...others] = all
    if (others.length > 0 && this.heading === "" && first.text.length <= mostHeading) {
      // A paragraph on its own is a slide: its first sentence, and the others below it.
      this.endList()
      return this.push({ layout: "bullets", headline: first.text.replace(/\.$/u, ""), points: others })
    }
    this.points.push(...all)
    this.form = form
  }
}

export const readDetails = (
  details: ReadonlyArray<Detail>,
  decimal: Decimal | undefined,
  language: Language | undefined
): ReadonlyArray<Slide> => {
  const reader = new Reader(decimal)
  let lines: Array<string> = []
  const readLines = () => {
    for (const block of blocksOf(lines)) reader.add(block)
    lines = []
  }
  for (const [index, detail] of details.entries()) {
    if (typeof detail === "string" && !isData(detail)) {
      lines.push(...detail.split(/\r\n|[\r\n]/u))
      continue
    }
    readLines()
    const slide = dataSlide(typeof detail === "string" ? { image: detail } : detail, language)
    // Large data stays with the details: the outline names their number.
    const isLarge = slide.layout === "figure" && isData(slide.image)
    reader.addPart(isLarge ? { ...slide, image: `#${index + 1}` } : slide)
  }
  readLines()
  reader.close(0)
  return reader.slides
}
