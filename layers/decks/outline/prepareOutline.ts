/** Prepares an outline from the caller for drawing: plain text, counted lists, aligned series, tables that fit. */
import type { Arranged, Request } from "./arrange.ts"
import { alignSeries } from "./dataSlides.ts"
import { fittingTables, numbered } from "./fill.ts"
import type { Outline, Point, Slide } from "./Outline.ts"
import { clean, mapTexts, plain, toPoint } from "./plainText.ts"

/** Code and addresses keep their characters. */
const verbatim = new Set(["code", "image", "layout", "kind", "prefix", "suffix"])

const plainText = (text: string, name: string) => {
  if (verbatim.has(name)) return text
  return name === "notes" ? text.split("\n").map(clean).join("\n") : plain(text)
}

/** `**Lead:** text` has a lead. */
const withLead = (point: Point): Point =>
  point.lead === undefined && /^\*\*[^*]+\*\*/u.test(point.text)
    ? { ...point, ...toPoint(point.text) }
    : point

const counted = (points: ReadonlyArray<Point>): ReadonlyArray<Point> => {
  let number = 0
  return points.map((point) => {
    if ((point.level ?? 0) > 0) return point
    number = point.number ?? number + 1
    return { ...point, number }
  })
}

const prepared = (slide: Slide): Slide => {
  if (slide.layout === "chart") return { ...slide, chart: alignSeries(slide.chart) }
  if (slide.layout !== "bullets") return slide
  const { numbered: isCounted, points, ...rest } = slide
  const lead = points.map(withLead)
  return { ...rest, points: isCounted === true ? counted(lead) : lead }
}

export const prepareOutline = (given: Outline, request: Request, font: string): Arranged => {
  const slides = numbered(fittingTables(given.slides.map(prepared), font)).map((slide) =>
    mapTexts(slide, plainText)
  )
  const name = [plain(request.client), plain(request.project)].filter((text) => text !== "").join(" · ")
  const more = slides.length - given.slides.length
  const remarks = [
    ...(more > 0
      ? [`Wide tables are split: ${more} more ${more === 1 ? "slide" : "slides"} than in the outline.`]
      : []),
    ...(request.slides !== undefined && request.slides !== given.slides.length
      ? [`The outline decides the number of slides: ${given.slides.length}, not ${request.slides}.`]
      : [])
  ]
  return {
    outline: { title: plain(given.title ?? name), footer: plain(given.footer ?? name), slides },
    remarks
  }
}
