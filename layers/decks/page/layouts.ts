/** The layouts of the slide master: their places for text, decorations, footer, page number and logo. */
import { mirror } from "./direction.ts"
import { page, type Area, type Geometry, type Item, type Placeholder, type TextItem } from "./Item.ts"
import { listArea, listSizes } from "./listing.ts"
import { at, body, headline, kicker, list, margin, text, title, type Place } from "./places.ts"
import type { Layout } from "../outline/Outline.ts"
import type { Picture } from "../Picture.ts"
import type { Color, Palette } from "../Theme.ts"

export interface Frame {
  readonly name: string
  /** `type` of `p:sldLayout`, where PowerPoint has a name for it. */
  readonly type?: string
  readonly background: Color
  /** The places for fields of a slide, by the names of the fields. */
  readonly texts: Readonly<Record<string, Place>>
  readonly items: ReadonlyArray<Item>
  /** Footer and page number of its slides, whose places come from the layout. */
  readonly feet: ReadonlyArray<Item>
}

interface Plan extends Omit<Frame, "items" | "feet"> {
  /** Colour of the footer and the page number; absent: neither. */
  readonly foot?: Color
  /** Where the footer begins, if not at the margin. */
  readonly footX?: number
  readonly decorations: ReadonlyArray<Item>
}

const shape = (area: Area, fill: Color, geometry: Geometry = "rect"): Item => ({
  kind: "shape",
  name: "Decoration",
  area,
  fill,
  geometry
})

const forms: Readonly<Record<string, Geometry>> = {
  s: "rect",
  o: "ellipse",
  d: "ellipse",
  "1": "quarter-tl",
  "2": "quarter-tr",
  "3": "quarter-br",
  "4": "quarter-bl"
}

/** A mosaic at the right edge: each tile is a form and a colour; a dot leaves it out, `d` is a small disc. */
const mosaic = (side: number, colors: Readonly<Record<string, Color>>, ...rows: ReadonlyArray<string>) => {
  const lines = rows.map((row) => row.split(" "))
  const left = page.w - side * (lines[0]?.length ?? 0)
  return lines.flatMap((tiles, line) =>
    tiles.flatMap(([form = ".", color = ""], column) => {
      const geometry = forms[form]
      const fill = colors[color]
      if (geometry === undefined || fill === undefined) return []
      const inset = form === "d" ? side * 0.3 : 0
      const [x, y, w] = [left + column * side + inset, line * side + inset, side - 2 * inset]
      return [shape({ x, y, w, h: w }, fill, geometry)]
    })
  )
}

const plans = (palette: Palette): Readonly<Record<Layout, Plan>> => {
  const { accent, background, hero, ink, muted, onAccent, onAccentMuted, onHero, second, surface } = palette
  const white = palette.dark ? "tx1/14" : "bg1/14"
  const tiles = { a: accent, b: second, c: "accent3", d: "accent4", e: "accent6", w: white }
  const pale = { w: `${onAccent}/16` }
  const side = page.h / 5
  const bar = (y: number) => shape(at(margin, y, 0.62, 0.07), second)
  const mark: Item = {
    kind: "text",
    name: "Quotation mark",
    area: at(0.95, 0.75, 1.3, 1.8),
    font: "head",
    paragraphs: [{ runs: [{ text: "\u201c" }], size: 120, bold: true, color: second }]
  }
  const content = { background, foot: muted, decorations: [bar(0.42)], texts: { headline: headline(ink) } }
  return {
    title: {
      name: "Title",
      type: "title",
      background: hero,
      decorations: [
        ...mosaic(side, tiles, ". 1a oe", "2b sw 4a", ". 3a 1b", "da 2w sa", "4e . 3b"),
        bar(4.42)
      ],
      texts: {
        headline: title(at(margin, 1.75, 7.6, 2.55), [66, 22], onHero, { type: "ctrTitle", anchor: "b" }),
        kicker: kicker(13, at(margin, 0.75, 7.2, 0.45), palette.onHeroAccent),
        subtitle: text("Subtitle", 1, at(margin, 4.62, 7.2, 1.2), [22, 12], palette.onHeroMuted, {
          type: "subTitle"
        })
      }
    },
    section: {
      name: "Section",
      type: "secHead",
      background: accent,
      foot: onAccentMuted,
      decorations: mosaic(side, pale, "1w", "ow", "3w", "4w"),
      texts: {
        headline: title(at(margin, 3.4, 9.6, 2.4), [50, 20], onAccent),
        number: text("Number", 13, at(margin, 1.75, 4, 1.5), [80, 40], onAccent, { anchor: "b", bold: true })
      }
    },
    bullets: {
      name: "Headline and list",
      type: "obj",
      background,
      foot: muted,
      footX: listArea.x,
      decorations: [shape(at(0, 0, 4.55, page.h), surface), bar(0.9)],
      texts: {
        headline: title(at(margin, 1.12, 3.3, 4.9), [36, 15], ink),
        points: list("List", listArea, listSizes.most, ink, accent)
      }
    },
    columns: { name: "Two columns", ...content },
    chart: { name: "Chart", ...content },
    table: { name: "Table", ...content },
    figure: { name: "Figure", ...content },
    numbers: { name: "Numbers", ...content },
    code: { name: "Code", ...content },
    quote: {
      name: "Quote",
      background: surface,
      foot: muted,
      decorations: [shape(at(0, 0, 0.28, page.h), accent), mark],
      texts: {
        kicker: kicker(14, at(2.3, 0.7, 9.4, 0.4), muted),
        headline: title(at(2.3, 1.15, 9.4, 3.7), [40, 16], ink, { anchor: "b" }),
        by: text("Source", 13, at(2.3, 5.1, 9.4, 0.6), [18, 10], muted)
      }
    },
    statement: {
      name: "Statement",
      background: accent,
      foot: onAccentMuted,
      decorations: [
        ...mosaic(side, pale, "3w", "sw", "2w", "ow"),
        shape(at(margin, 1.3, 0.1, 4.9), onAccent)
      ],
      texts: {
        kicker: kicker(14, at(1.45, 1.3, 9.6, 0.5), onAccentMuted),
        headline: title(at(1.45, 1.9, 9.6, 2.5), [60, 20], onAccent, { anchor: "b" }),
        text: text("Text", 13, at(1.45, 4.5, 9.2, 1.7), [30, 12], onAccentMuted)
      }
    },
    number: {
      name: "Number",
      background,
      foot: muted,
      decorations: [...mosaic(side, tiles, "2a", "oe", "4b", "1c"), bar(4)],
      texts: {
        kicker: kicker(14, at(margin, 0.7, 9.6, 0.5), muted),
        value: text("Value", 13, at(margin, 1.2, 9.6, 2.65), [190, 40], accent, {
          size: 160,
          anchor: "b",
          font: "head",
          bold: true,
          spacing: 0.9
        }),
        headline: title(at(margin, 4.25, 9.2, 2), [40, 16], ink)
      }
    },
    closing: {
      name: "Closing",
      background: hero,
      decorations: mosaic(side * 0.6, tiles, "1a", "ob", "3a", "dw", "2b", "sa", "4e", "3w"),
      texts: {
        headline: title(at(margin, 1.25, 5.1, 5), [60, 24], onHero, { anchor: "ctr" }),
        points: list("Points", at(6.9, 1.25, 5.1, 5), 22, onHero, palette.onHeroAccent)
      }
    }
  }
}

const foot = (
  name: string,
  placeholder: Placeholder,
  [x, w]: readonly [number, number],
  color: Color,
  shown?: string
): TextItem => ({
  kind: "text",
  name,
  placeholder,
  area: { x, y: 6.98, w, h: 0.3 },
  anchor: "ctr",
  style: { size: 11, color, ...(shown === undefined && { align: "r" }) },
  paragraphs: shown === undefined ? [] : [{ runs: [{ text: shown }] }]
})

/** Small in the foot of pages that have one, larger on a white ground elsewhere. */
const logoItems = (picture: Picture, layout: Layout, footed: boolean): ReadonlyArray<Item> => {
  if (layout === "section" || layout === "statement") return []
  const [height, width] = footed ? [0.32, 1.6] : [0.5, 2.4]
  const scale = Math.min(height / picture.height, width / picture.width)
  const [w, h] = [picture.width * scale, picture.height * scale]
  const y = layout === "title" ? 6.35 : 6.4
  const area = footed ? { x: page.w - 1.7 - w, y: 7.13 - h / 2, w, h } : { x: 0.93, y, w, h }
  const logo: Item = { kind: "picture", name: "Logo", area, picture, alt: "Logo" }
  const ground = { x: margin, y: y - 0.14, w: w + 0.36, h: h + 0.28 }
  return footed ? [logo] : [shape(ground, "FFFFFF", "round"), logo]
}

export interface FrameOptions {
  readonly footer?: string
  readonly logo?: Picture | undefined
  readonly rtl?: boolean
}

/** The slide master, and a layout for each kind of slide. */
export const frames = (palette: Palette, { footer = "", logo, rtl = false }: FrameOptions = {}) => {
  const mirrored = (items: ReadonlyArray<Item>) => (rtl ? items.map(mirror) : items)
  const frame = (plan: Plan, own: ReadonlyArray<Item>): Frame => {
    const { decorations, foot: color, footX = margin, ...rest } = plan
    const feet =
      color === undefined
        ? []
        : [
            foot("Footer", { type: "ftr", index: 10 }, [footX, 6], color, footer),
            foot("Page number", { type: "sldNum", index: 11 }, [page.w - 1.55, 0.8], color)
          ]
    return {
      ...rest,
      items: mirrored([...decorations, ...Object.values(rest.texts), ...own, ...feet]),
      feet: mirrored(feet.map(({ area: _, ...each }) => each))
    }
  }
  const made = Object.entries(plans(palette)).map(([name, plan]) => {
    const layout = name as Layout
    return [layout, frame(plan, logo === undefined ? [] : logoItems(logo, layout, plan.foot !== undefined))]
  })
  const { ink, muted, accent } = palette
  const texts = {
    headline: headline(ink),
    points: { ...list("Text", body, listSizes.most, ink, accent), anchor: "t" as const }
  }
  return {
    master: frame({ name: "Master", background: "bg1", foot: muted, decorations: [], texts }, []),
    // The names are those of the plans.
    layouts: Object.fromEntries(made) as Readonly<Record<Layout, Frame>>
  }
}
