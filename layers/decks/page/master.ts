/** What the slide master and the layouts have besides the frame of a page: footer, page number and logo. */
import type { Layout } from "../outline/Outline.ts"
import type { Picture } from "../Picture.ts"
import type { Color, Palette } from "../Theme.ts"
import { page, type Area, type Item } from "./Item.ts"
import { areas, sizes, type Frame } from "./layouts.ts"

/** Where a page's footer and number stand. */
const footArea: Area = { x: 0.75, y: 6.98, w: 8, h: 0.3 }
const numberArea: Area = { x: page.w - 1.55, y: 6.98, w: 0.8, h: 0.3 }

const footer = (text: string, color: Color, area: Area): Item => ({
  kind: "text",
  name: "Footer",
  placeholder: { type: "ftr", index: 10 },
  area,
  anchor: "ctr",
  style: { runs: [], size: 11, color },
  paragraphs: [{ runs: [{ text }] }]
})

const pageNumber = (color: Color): Item => ({
  kind: "text",
  name: "Page number",
  placeholder: { type: "sldNum", index: 11 },
  area: numberArea,
  anchor: "ctr",
  style: { runs: [], size: 11, color, align: "r" },
  paragraphs: []
})

/** The page number is the last of a page. */
export const feet = ({ foot, footArea: area = footArea }: Frame, text: string): ReadonlyArray<Item> =>
  foot === undefined ? [] : [footer(text, foot, area), pageNumber(foot)]

/** The same on a slide, where places and styles come from the layout. */
export const slideFeet = (frame: Frame, text: string): ReadonlyArray<Item> =>
  feet(frame, text).map((item) => {
    if (item.kind !== "text") return item
    const { area: _area, style: _style, ...rest } = item
    return rest
  })

/** The logo on the key of its picture: small in the foot of pages that have one, larger on a white ground elsewhere. */
export const logoItems = (
  logo: Picture,
  relation: string,
  layout: Layout,
  footed: boolean
): ReadonlyArray<Item> => {
  const place = (height: number, most: number) => {
    const scale = Math.min(height / logo.height, most / logo.width)
    return { w: logo.width * scale, h: logo.height * scale }
  }
  const picture = (x: number, y: number, size: { readonly w: number; readonly h: number }): Item => ({
    kind: "picture",
    name: "Logo",
    area: { x, y, ...size },
    relation,
    alt: "Logo"
  })
  if (footed) {
    if (layout === "section" || layout === "statement") return []
    const size = place(0.32, 1.6)
    return [picture(page.w - 1.7 - size.w, 7.13 - size.h / 2, size)]
  }
  const size = place(0.5, 2.4)
  const y = layout === "title" ? 6.35 : 6.4
  const ground = { x: 0.75, y: y - 0.14, w: size.w + 0.36, h: size.h + 0.28 }
  return [
    { kind: "shape", name: "Ground of the logo", area: ground, fill: "FFFFFF", geometry: "round" },
    picture(0.93, y, size)
  ]
}

/** What new layouts begin with. */
export const masterFrame = ({ muted }: Palette): Frame => ({
  name: "Master",
  background: "bg1",
  foot: muted,
  items: [
    {
      kind: "text",
      name: "Title",
      placeholder: { type: "title" },
      area: areas.headline,
      paragraphs: [{ runs: [{ text: "Headline" }] }],
      style: { runs: [], size: sizes.headline.most, bold: true, color: "tx1" },
      font: "head"
    },
    {
      kind: "text",
      name: "Text",
      placeholder: { type: "body", index: 1 },
      area: areas.body,
      paragraphs: [{ runs: [{ text: "Text" }] }],
      style: { runs: [], size: 20, color: "tx1", bullet: "tick" }
    }
  ]
})
