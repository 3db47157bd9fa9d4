/** The layouts of the slide master: where things stand, and what stands on every page of a kind. */
import { page, type Area, type Geometry, type Item, type Paragraph, type Placeholder } from "./Item.ts"
import { listArea } from "./listing.ts"
import { mirror } from "./mirror.ts"
import type { Layout } from "../outline/Outline.ts"
import type { Color, Palette } from "../Theme.ts"

/** Inches. */
const margin = 0.75
const inner = page.w - 2 * margin

/** Where a page's own things stand. Sizes are points, from the largest to the least that is read from afar. */
export const areas = {
  headline: { x: margin, y: 0.62, w: inner, h: 1.02 },
  body: { x: margin, y: 1.95, w: inner, h: 4.6 },
  title: { x: margin, y: 1.75, w: 7.6, h: 2.55 },
  subtitle: { x: margin, y: 4.62, w: 7.2, h: 1.2 },
  kicker: { x: margin, y: 0.75, w: 7.2, h: 0.45 },
  sectionNumber: { x: margin, y: 1.75, w: 4, h: 1.5 },
  sectionTitle: { x: margin, y: 3.4, w: 9.6, h: 2.4 },
  numberKicker: { x: margin, y: 0.7, w: 9.6, h: 0.5 },
  number: { x: margin, y: 1.2, w: 9.6, h: 2.65 },
  numberHeadline: { x: margin, y: 4.25, w: 9.2, h: 2.0 },
  panel: { x: 0, y: 0, w: 4.55, h: page.h },
  panelHeadline: { x: margin, y: 1.12, w: 3.3, h: 4.9 },
  statementKicker: { x: 1.45, y: 1.3, w: 9.6, h: 0.5 },
  statement: { x: 1.45, y: 1.9, w: 9.6, h: 2.5 },
  statementText: { x: 1.45, y: 4.5, w: 9.2, h: 1.7 },
  statementAlone: { x: 1.45, y: 1.85, w: 9.6, h: 3.8 },
  quoteKicker: { x: 2.3, y: 0.7, w: 9.4, h: 0.4 },
  quote: { x: 2.3, y: 1.15, w: 9.4, h: 3.7 },
  quoteBy: { x: 2.3, y: 5.1, w: 9.4, h: 0.6 },
  closing: { x: margin, y: 1.25, w: 5.1, h: 5 },
  closingPoints: { x: 6.9, y: 1.25, w: 5.1, h: 5 }
} as const satisfies Record<string, Area>

export const sizes = {
  headline: { most: 30, least: 16 },
  title: { most: 66, least: 22 },
  subtitle: { most: 22, least: 12 },
  section: { most: 50, least: 20 },
  number: { most: 190, least: 40 },
  numberHeadline: { most: 40, least: 16 },
  panel: { most: 36, least: 15 },
  statement: { most: 60, least: 20 },
  text: { most: 30, least: 12 },
  quote: { most: 40, least: 16 },
  closing: { most: 60, least: 24 }
} as const

export const leading = 0.95

/** One layout. */
export interface Frame {
  readonly background: Color
  readonly items: ReadonlyArray<Item>
  /** `type` of `p:sldLayout`, where PowerPoint has a name for it. */
  readonly type?: string
  readonly name: string
  /** Whether its pages are numbered and carry the footer, and in which colour. */
  readonly foot?: Color
  /** Where the footer begins, if not at the margin. */
  readonly footArea?: Area
}

const placeholder = (
  name: string,
  type: Placeholder["type"],
  area: Area,
  style: Omit<Paragraph, "runs">,
  options: {
    readonly index?: number
    readonly anchor?: "t" | "ctr" | "b"
    readonly prompt: string
    readonly font?: "head" | "body"
  }
): Item => ({
  kind: "text",
  name,
  placeholder: { type, ...(options.index !== undefined && { index: options.index }) },
  area,
  anchor: options.anchor ?? "t",
  paragraphs: [{ runs: [{ text: options.prompt }] }],
  style: { ...style, runs: [] },
  ...(options.font !== undefined && { font: options.font })
})

const title = (
  area: Area,
  size: number,
  color: Color,
  anchor: "t" | "ctr" | "b" = "t",
  type: "title" | "ctrTitle" = "title"
) =>
  placeholder(
    "Title",
    type,
    area,
    { size, color, bold: true, align: "l", spacing: leading },
    { anchor, prompt: "Headline", font: "head" }
  )

const text = (
  name: string,
  area: Area,
  index: number,
  style: Omit<Paragraph, "runs">,
  anchor?: "t" | "ctr" | "b"
) =>
  placeholder(name, "body", area, style, {
    index,
    prompt: "Text",
    font: "body",
    ...(anchor !== undefined && { anchor })
  })

const shape = (area: Area, fill: Color, geometry: Geometry = "rect"): Item => ({
  kind: "shape",
  name: "Decoration",
  area,
  fill,
  geometry
})

/** A mosaic of squares, discs and quarters, in columns from `left`; each letter is a tile, a dot leaves it out. */
const mosaic = (
  left: number,
  side: number,
  rows: ReadonlyArray<string>,
  colors: Readonly<Record<string, Color>>
) =>
  rows.flatMap((row, line) =>
    row.split(" ").flatMap((tile, column) => {
      const [form = ".", color = ""] = tile
      const geometry = forms[form]
      const fill = colors[color]
      if (geometry === undefined || fill === undefined) return []
      const area = { x: left + column * side, y: line * side, w: side, h: side }
      const small = { x: area.x + side * 0.3, y: area.y + side * 0.3, w: side * 0.4, h: side * 0.4 }
      return [shape(form === "d" ? small : area, fill, geometry)]
    })
  )
const forms: Readonly<Record<string, Geometry>> = {
  s: "rect",
  o: "ellipse",
  d: "ellipse",
  "1": "quarter-tl",
  "2": "quarter-tr",
  "3": "quarter-br",
  "4": "quarter-bl"
}

const all = (palette: Palette): Readonly<Record<Layout, Frame>> => {
  const {
    accent,
    background,
    hero,
    ink,
    muted,
    onAccent,
    onAccentMuted,
    onHero,
    onHeroAccent,
    onHeroMuted,
    second,
    surface
  } = palette
  const tiles = {
    a: accent,
    b: second,
    c: "accent3",
    d: "accent4",
    e: "accent6",
    w: palette.dark ? "tx1/14" : "bg1/14"
  }
  const bar = (x: number, y: number, color: Color = second) => shape({ x, y, w: 0.62, h: 0.07 }, color)
  const content: ReadonlyArray<Item> = [
    bar(margin, 0.42),
    title(areas.headline, sizes.headline.most, ink, "t")
  ]
  const plain = (name: string, type?: string): Frame => ({
    name,
    background,
    items: content,
    foot: muted,
    ...(type !== undefined && { type })
  })
  const side = page.h / 5
  return {
    title: {
      name: "Title",
      type: "title",
      background: hero,
      items: [
        ...mosaic(page.w - 3 * side, side, [". 1a oe", "2b sw 4a", ". 3a 1b", "da 2w sa", "4e . 3b"], tiles),
        text("Kicker", areas.kicker, 13, { size: 18, color: onHeroAccent, bold: true }, "t"),
        title(areas.title, sizes.title.most, onHero, "b", "ctrTitle"),
        bar(margin, 4.42),
        placeholder(
          "Subtitle",
          "subTitle",
          areas.subtitle,
          { size: sizes.subtitle.most, color: onHeroMuted },
          { index: 1, prompt: "Subtitle", font: "body" }
        )
      ]
    },
    section: {
      name: "Section",
      type: "secHead",
      background: accent,
      foot: onAccentMuted,
      items: [
        ...mosaic(page.w - side, side, ["1w", "ow", "3w", "4w", "."], { w: `${onAccent}/16` }),
        text("Number", areas.sectionNumber, 13, { size: 80, color: `${onAccent}`, bold: true }, "b"),
        title(areas.sectionTitle, sizes.section.most, onAccent, "t")
      ]
    },
    bullets: {
      name: "Headline and list",
      type: "obj",
      background,
      foot: muted,
      footArea: { x: listArea.x, y: 6.98, w: 6, h: 0.3 },
      items: [
        shape(areas.panel, surface),
        bar(margin, 0.9),
        title(areas.panelHeadline, sizes.panel.most, ink, "t"),
        text("List", listArea, 1, { size: 20, color: ink, bullet: "tick" }, "ctr")
      ]
    },
    columns: plain("Two columns"),
    chart: plain("Chart"),
    table: plain("Table"),
    figure: plain("Figure"),
    numbers: plain("Numbers"),
    code: plain("Code"),
    quote: {
      name: "Quote",
      background: surface,
      foot: muted,
      items: [
        shape({ x: 0, y: 0, w: 0.28, h: page.h }, accent),
        {
          kind: "text",
          name: "Quotation mark",
          area: { x: 0.95, y: 0.75, w: 1.3, h: 1.8 },
          font: "head",
          paragraphs: [{ runs: [{ text: "\u201c" }], size: 120, bold: true, color: second }]
        },
        text("Kicker", areas.quoteKicker, 14, { size: 18, color: muted, bold: true }, "t"),
        title(areas.quote, sizes.quote.most, ink, "b"),
        text("Source", areas.quoteBy, 13, { size: 18, color: muted }, "t")
      ]
    },
    statement: {
      name: "Statement",
      background: accent,
      foot: onAccentMuted,
      items: [
        ...mosaic(page.w - side, side, ["3w", "sw", "2w", "ow", "."], { w: `${onAccent}/16` }),
        shape({ x: margin, y: 1.3, w: 0.1, h: 4.9 }, onAccent),
        text("Kicker", areas.statementKicker, 14, { size: 18, color: onAccentMuted, bold: true }, "t"),
        title(areas.statement, sizes.statement.most, onAccent, "b"),
        text("Text", areas.statementText, 13, { size: sizes.text.most, color: onAccentMuted }, "t")
      ]
    },
    number: {
      name: "Number",
      background,
      foot: muted,
      items: [
        ...mosaic(page.w - side, side, ["2a", "oe", "4b", "1c", "."], tiles),
        text("Kicker", areas.numberKicker, 14, { size: 18, color: muted, bold: true }, "t"),
        placeholder(
          "Value",
          "body",
          areas.number,
          { size: 160, color: accent, bold: true, spacing: 0.9 },
          { index: 13, anchor: "b", prompt: "Value", font: "head" }
        ),
        bar(margin, 4.0),
        title(areas.numberHeadline, sizes.numberHeadline.most, ink, "t")
      ]
    },
    closing: {
      name: "Closing",
      background: hero,
      items: [
        ...mosaic(
          page.w - side * 0.6,
          side * 0.6,
          ["1a", "ob", "3a", "dw", "2b", "sa", "4e", "3w", ""],
          tiles
        ),
        title(areas.closing, sizes.closing.most, onHero, "ctr"),
        text(
          "Points",
          areas.closingPoints,
          1,
          { size: 20, color: onHero, bullet: "tick", mark: onHeroAccent },
          "ctr"
        )
      ]
    }
  }
}

/** The frames of a theme; `rtl`: mirrored, for decks that run from right to left. */
export const frames = (palette: Palette, rtl = false): Readonly<Record<Layout, Frame>> => {
  const made = all(palette)
  if (!rtl) return made
  const mirrored = Object.entries(made).map(([name, frame]) => [
    name,
    { ...frame, items: frame.items.map(mirror) }
  ])
  // The names are those of the frames that were mirrored.
  return Object.fromEntries(mirrored) as Readonly<Record<Layout, Frame>>
}
