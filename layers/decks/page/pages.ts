/** Pages of an outline as things to draw, besides what their layouts put there. */
import { ofColumns, ofNumbers } from "./cardPages.ts"
import { ofChart } from "./chartPage.ts"
import { mirror } from "./direction.ts"
import type { Item } from "./Item.ts"
import type { Layout, Point, Slide, SlideOf } from "../outline/Outline.ts"
import { body, type Place } from "./places.ts"
import { ofTable } from "./tablePage.ts"
import { inside, label, list, panel, put, putList, type Stage } from "./typesetting.ts"

const ofFigure = (stage: Stage, slide: SlideOf<"figure">): ReadonlyArray<Item> => {
  const { surface } = stage.palette
  const { alt = slide.headline, image, points = [] } = slide
  const whole = points.length > 0 ? { ...body, w: 7.4 } : body
  const side = { ...body, x: body.x + 7.9, w: body.w - 7.9 }
  const text = points.length > 0 ? [list(stage, points, side, 20)] : []
  const picture = stage.pictures.get(image)
  if (picture === undefined) {
    const style = { most: 22, least: 11, color: stage.palette.muted, anchor: "ctr" } as const
    const missing = label(stage, "Missing picture", alt, { ...style, area: inside(whole) })
    return [panel(whole, surface), missing, ...text]
  }
  const scale = Math.min(whole.w / picture.width, whole.h / picture.height)
  const [w, h] = [picture.width * scale, picture.height * scale]
  const area = { x: whole.x + (whole.w - w) / 2, y: whole.y + (whole.h - h) / 2, w, h }
  // A picture that does not fill its area gets a panel, or its edges would be lost on the slide.
  const ground = w < whole.w - 0.6 ? [panel(whole, surface)] : []
  return [...ground, { kind: "picture", name: "Picture", area, picture, alt }, ...text]
}

/** Ems of Courier New: of a character, and of a line. */
const monoWidth = 0.61
const monoLine = 1.2

/** Lines of code keep their breaks and spaces; the longest one decides the size. */
const ofCode = (stage: Stage, { code }: SlideOf<"code">): ReadonlyArray<Item> => {
  const { ink: color, surface } = stage.palette
  const area = inside(body)
  const lines = code.split("\n")
  const longest = Math.max(...lines.map((line) => line.length))
  const fits = Math.min((area.w * 72) / (monoWidth * longest), (area.h * 72) / (monoLine * lines.length))
  const size = Math.max(Math.floor(Math.min(fits, 24) * 2) / 2, 9)
  const rows = Math.floor((area.h * 72) / (monoLine * size))
  const columns = Math.floor((area.w * 72) / (monoWidth * size))
  const shown = lines
    .slice(0, rows)
    .map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line))
  if (shown.join("\n") !== code) stage.cut(code)
  const style = { size, color, align: "l", spacing: 1 } as const
  const paragraphs = shown.map((text) => ({ ...style, runs: [{ text }] }))
  return [panel(body, surface), { kind: "text", name: "Code", area, font: "mono", paragraphs }]
}

/** Alone, a statement is in the middle of the slide. */
const putAlone = (stage: Stage, place: Place, text: string): Item => {
  const area = { ...place.area, y: 1.85, h: 3.8 }
  return { ...put(stage, { ...place, area }, text), area, anchor: "ctr" }
}

const ofClosing = (stage: Stage, { points = [] }: SlideOf<"closing">): ReadonlyArray<Item> =>
  points.length === 0 ? [] : [panel({ x: 6.3, y: 1.75, w: 0.06, h: 4 }, stage.palette.second)]

/** What is on a slide besides the fields that its layout has places for. */
const drawers: { readonly [L in Layout]?: (stage: Stage, slide: SlideOf<L>) => ReadonlyArray<Item> } = {
  columns: ofColumns,
  chart: ofChart,
  table: ofTable,
  figure: ofFigure,
  numbers: ofNumbers,
  code: ofCode,
  closing: ofClosing
}

const written = (field: string, value: unknown): string =>
  field === "number" ? String(value).padStart(2, "0") : field === "by" ? `\u2014 ${value}` : String(value)

/** The items of a slide, besides those of its layout. */
export const draw = (stage: Stage, slide: Slide): ReadonlyArray<Item> => {
  // Places have the names of fields, which are texts, numbers or points.
  const fields = slide as Readonly<Record<string, string | number | ReadonlyArray<Point> | undefined>>
  const isAlone = slide.layout === "statement" && slide.text === undefined
  const texts = Object.entries(stage.texts).flatMap(([field, place]): ReadonlyArray<Item> => {
    const value = fields[field] ?? ""
    if (typeof value === "object") return value.length === 0 ? [] : [putList(stage, place, value)]
    if (value === "") return []
    return [(isAlone && field === "headline" ? putAlone : put)(stage, place, written(field, value))]
  })
  // The drawer of a layout takes the slides of that layout, which the types cannot follow.
  const drawer = drawers[slide.layout] as ((stage: Stage, slide: Slide) => ReadonlyArray<Item>) | undefined
  const items = [...texts, ...(drawer?.(stage, slide) ?? [])]
  return stage.rtl === true ? items.map(mirror) : items
}
