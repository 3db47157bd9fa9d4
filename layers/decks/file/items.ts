/** Draws the items of a page with pptxgenjs, on a slide or on a layout. What it cannot say, `repairShapes` adds. */
import type PptxGenJS from "pptxgenjs"
import {
  cellMargin,
  indents,
  type Area,
  type Geometry,
  type Item,
  type Paragraph,
  type Placeholder
} from "../page/Item.ts"
import { languageOf, startsRightToLeft, type Languages } from "../page/language.ts"
import type { Color } from "../Theme.ts"
import { plain } from "./xmlTree.ts"

export type TextItem = Item & { readonly kind: "text" }
type TableItem = Item & { readonly kind: "table" }
type ShapeItem = Item & { readonly kind: "shape" }
type TextOptions = PptxGenJS.TextPropsOptions

/** The name that pptxgenjs knows a placeholder by. */
export const placeholderName = ({ index = 0, type }: Placeholder): string => `${type}:${index}`

/** Opacity stands behind the slash. */
export const fill = (color: Color): { readonly color: string; readonly transparency?: number } => {
  const [name = "", opacity] = color.split("/")
  return { color: name, ...(opacity !== undefined && { transparency: 100 - Number(opacity) }) }
}

const aligns = { l: "left", ctr: "center", r: "right" } as const
const anchors = { t: "top", ctr: "middle", b: "bottom" } as const
const faces = { head: "+mj-lt", body: "+mn-lt", mono: "Courier New" } as const

const textOf = ({ runs }: Pick<Paragraph, "runs">) => runs.map(({ text }) => text).join("")

/** Numbers with their signs run from left to right everywhere. */
const direction = (paragraph: Paragraph): TextOptions => {
  const text = textOf(paragraph)
  const backwards = (paragraph.rtl ?? startsRightToLeft(text)) && (text === "" || /\p{L}/u.test(text))
  const side = paragraph.align ?? (backwards ? "r" : undefined)
  return { ...(side !== undefined && { align: aligns[side] }), ...(backwards && { rtlMode: true }) }
}

/** What runs, paragraphs and the styles of placeholders have in common. */
const fontOptions = ({ bold, color, size, tracking }: Partial<Paragraph>): TextOptions => ({
  ...(bold !== undefined && { bold }),
  ...(color !== undefined && fill(color)),
  ...(size !== undefined && { fontSize: size }),
  ...(tracking !== undefined && { charSpacing: tracking })
})

const bullets = {
  tick: { characterCode: "25AA" },
  dash: { characterCode: "2013" },
  number: { type: "number", style: "arabicPeriod" }
} as const

const paragraphOptions = ({
  before,
  bullet,
  level = 0,
  number: numberStartAt = 1,
  size = 18,
  spacing
}: Paragraph): TextOptions => ({
  ...(bullet !== undefined && {
    bullet: { ...bullets[bullet], indent: indents[bullet] * size, numberStartAt }
  }),
  ...(level > 0 && { indentLevel: level }),
  ...(before !== undefined && { paraSpaceBefore: before }),
  ...(spacing !== undefined && { lineSpacingMultiple: spacing })
})

/** pptxgenjs ends a paragraph behind a run with `breakLine`, and begins one at a run with another alignment. */
const runs = (paragraph: Paragraph, languages: Languages): ReadonlyArray<PptxGenJS.TextProps> => {
  const shown = paragraph.runs.filter(({ text }) => text !== "")
  const along = { ...direction(paragraph), ...fontOptions(paragraph) }
  return (shown.length === 0 ? [{ text: "" }] : shown).map((run, index, all) => {
    const lang = languageOf(run.text, languages)
    const own = {
      ...fontOptions(run),
      ...(lang !== undefined && { lang }),
      breakLine: index === all.length - 1
    }
    return {
      text: plain(run.text),
      options: { ...(index === 0 && paragraphOptions(paragraph)), ...along, ...own }
    }
  })
}
export const aligned = aligns

export const position = ({ h, w, x, y }: Area) => ({ x, y, w, h })

const textOptions = (item: TextItem): TextOptions => ({
  ...(item.area !== undefined && position(item.area)),
  objectName: plain(item.name),
  margin: (item.inset ?? 0) * 72,
  valign: anchors[item.anchor ?? "t"],
  ...(item.fill !== undefined && { fill: fill(item.fill) }),
  ...(item.placeholder === undefined
    ? { isTextBox: true, color: "tx1" }
    : { placeholder: placeholderName(item.placeholder) }),
  ...(item.font !== undefined && { fontFace: faces[item.font] })
})

/** `pieWedge` is a quarter disc whose centre is the lower right corner. */
const geometries: Readonly<Record<Geometry, TextOptions>> = {
  rect: { shape: "rect" },
  ellipse: { shape: "ellipse" },
  round: { shape: "roundRect" },
  "quarter-br": { shape: "pieWedge" },
  "quarter-bl": { shape: "pieWedge", flipH: true },
  "quarter-tr": { shape: "pieWedge", flipV: true },
  "quarter-tl": { shape: "pieWedge", flipH: true, flipV: true }
}

const shapeOptions = (item: ShapeItem): TextOptions => ({
  ...position(item.area),
  ...geometries[item.geometry ?? "rect"],
  ...(item.geometry === "round" && { rectRadius: Math.min(0.09, item.area.w / 2, item.area.h / 2) }),
  objectName: plain(item.name),
  fill: fill(item.fill)
})

/** The place of a picture before it is turned around its centre. */
const unturned = ({ h, w, x, y }: Area, turn: number | undefined): Area =>
  turn === 90 || turn === 270 ? { x: x + (w - h) / 2, y: y + (h - w) / 2, w: h, h: w } : { h, w, x, y }

/** pptxgenjs needs data; `repairPackage` puts the bytes into the file, once for each picture. */
const imageOptions = (item: Item & { readonly kind: "picture" }): PptxGenJS.ImageProps => ({
  ...unturned(item.area, item.turn),
  rotate: item.turn ?? 0,
  data: "image/png;base64,",
  altText: plain(item.alt),
  objectName: plain(item.name)
})

const addTable = (slide: PptxGenJS.Slide, item: TableItem, languages: Languages): void => {
  const { colors, heights, name, rows, size, widths } = item
  const none = { type: "none" } as const
  const line = { type: "solid", color: colors.line, pt: 0.75 } as const
  const cells = rows.map((row, index): PptxGenJS.TableRow =>
    row.map((cell) => {
      const head = index === 0
      const style = { size, bold: head, color: head ? colors.onHead : colors.ink, spacing: 1 }
      return {
        text: [...runs({ ...style, runs: cell.runs, align: cell.align }, languages)],
        options: {
          valign: "middle",
          margin: [cellMargin.y, cellMargin.x, cellMargin.y, cellMargin.x],
          border: [none, none, head ? none : line, none],
          fontSize: size,
          ...(head && { fill: fill(colors.head) })
        }
      }
    })
  )
  slide.addTable(cells, {
    ...position(item.area),
    colW: [...widths],
    rowH: [...heights],
    objectName: plain(name)
  })
}

export const addItem = (
  slide: PptxGenJS.Slide,
  item: Exclude<Item, { readonly kind: "chart" }>,
  languages: Languages
): void => {
  switch (item.kind) {
    case "text":
      if (item.placeholder?.type === "sldNum") slide.slideNumber = { x: 0, y: 0, w: 1, h: 1 }
      else
        slide.addText(
          item.paragraphs.flatMap((each) => runs(each, languages)),
          textOptions(item)
        )
      return
    case "shape":
      slide.addText("", shapeOptions(item))
      return
    case "picture":
      slide.addImage(imageOptions(item))
      return
    case "table":
      addTable(slide, item, languages)
  }
}

type LayoutObject = NonNullable<PptxGenJS.SlideMasterProps["objects"]>[number]

/** The same for a layout, whose text has a style. */
export const layoutObject = (item: Item): LayoutObject => {
  switch (item.kind) {
    case "shape":
      return { text: { text: "", options: shapeOptions(item) } }
    case "picture":
      return { image: imageOptions(item) }
    case "text": {
      const { placeholder, style = item.paragraphs[0] ?? { runs: [] } } = item
      const text = item.paragraphs.map(textOf).join(" ")
      const options = {
        ...textOptions(item),
        ...fontOptions(style),
        ...paragraphOptions(style),
        ...direction(style)
      }
      if (placeholder === undefined) return { text: { text: plain(text), options } }
      const { margin: _margin, placeholder: name = "", ...rest } = options
      const type = /title/i.test(placeholder.type) ? "title" : "body"
      return { placeholder: { text: plain(text), options: { ...rest, name, type, margin: 0 } } }
    }
    default:
      throw new Error(`a layout has no ${item.kind}`)
  }
}
