/** The places for text on layouts: where they are, and how text is set in them. */
import { page, type Area, type Placeholder, type Style, type TextItem } from "./Item.ts"
import { listSizes } from "./listing.ts"
import type { Color } from "../Theme.ts"

/** Inches. */
export const margin = 0.75
const inner = page.w - 2 * margin

/** A placeholder as its layout has it. Sizes of text are points, from the largest to the least that is read from afar. */
export interface Place extends TextItem {
  readonly area: Area
  readonly placeholder: Placeholder
  readonly style: Style
  readonly most: number
  readonly least: number
}

export const at = (x: number, y: number, w: number, h: number): Area => ({ x, y, w, h })
/** Below the headline. */
export const body = at(margin, 1.95, inner, 4.6)

type Sizes = readonly [most: number, least: number]
interface Options extends Style {
  readonly type?: Placeholder["type"]
  readonly anchor?: TextItem["anchor"]
  readonly font?: TextItem["font"]
}

const place = (
  name: string,
  index: number | undefined,
  area: Area,
  [most, least]: Sizes,
  { anchor = "t", font = "body", type = "body", ...style }: Options
): Place => ({
  kind: "text",
  name,
  placeholder: { type, ...(index !== undefined && { index }) },
  area,
  anchor,
  font,
  paragraphs: [{ runs: [{ text: name === "Title" ? "Headline" : name }] }],
  style: { size: most, ...style },
  most,
  least
})

export const title = (area: Area, sizes: Sizes, color: Color, options: Options = {}) =>
  place("Title", undefined, area, sizes, {
    type: "title",
    font: "head",
    bold: true,
    spacing: 0.95,
    color,
    ...options
  })

export const text = (
  name: string,
  index: number,
  area: Area,
  sizes: Sizes,
  color: Color,
  options: Options = {}
) => place(name, index, area, sizes, { color, ...options })

/** A short line above the title. */
export const kicker = (index: number, area: Area, color: Color) =>
  text("Kicker", index, area, [18, 10], color, { bold: true })

export const list = (name: string, area: Area, most: number, color: Color, mark: Color) =>
  text(name, 1, area, [most, listSizes.least], color, { size: 20, anchor: "ctr", bullet: "tick", mark })

export const headline = (ink: Color) => title(at(margin, 0.62, inner, 1.02), [30, 16], ink)
