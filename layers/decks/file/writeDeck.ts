/** Writes an outline as a presentation of PowerPoint 2007 and later (ISO/IEC 29500-4), with pptxgenjs and a pass over its files. */
import PptxGenJS from "pptxgenjs"
import { textLanguage } from "../outline/amounts.ts"
import type { Outline } from "../outline/Outline.ts"
import { textsOf } from "../outline/plainText.ts"
import { isRightToLeft, languagesOf } from "../page/direction.ts"
import { cellMargin, type Item, type PictureItem, type TableItem } from "../page/Item.ts"
import { frames } from "../page/layouts.ts"
import { draw } from "../page/pages.ts"
import type { Picture } from "../Picture.ts"
import { palette as toPalette, type Palette, type ThemeFile } from "../Theme.ts"
import { addChart } from "./charts.ts"
import { repair } from "./repairs.ts"
import { plain } from "./xmlTree.ts"

export interface Rendering {
  readonly outline: Outline
  readonly theme: { readonly name: string; readonly file: ThemeFile; readonly logo?: Picture | undefined }
  /** By their source, as the outline names them. */
  readonly pictures: ReadonlyMap<string, Picture>
  /** ISO 8601. */
  readonly created: string
}

export interface Rendered {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Pages, counted from 1, that do not show all that they were given; their notes have it. */
  readonly cut: ReadonlyArray<number>
}

/** Characters of the notes of one page. */
const mostNotes = 12_000

const noted = (notes: string, left: ReadonlyArray<string>) => {
  const all = [notes, ...left.filter((text) => !notes.includes(text))]
    .filter((text) => text !== "")
    .join("\n\n")
  return all.length <= mostNotes ? all : `${all.slice(0, mostNotes - 1)}…`
}

/** pptxgenjs needs data; the pass puts the bytes into the file, once for each picture, turned around its centre. */
const imageOptions = ({ area, picture }: PictureItem): PptxGenJS.ImageProps => {
  const { h, w, x, y } = area
  const { turn = 0 } = picture
  const place = turn % 180 === 0 ? area : { x: x + (w - h) / 2, y: y + (h - w) / 2, w: h, h: w }
  return { ...place, rotate: turn, data: "image/png;base64," }
}

const addTable = (slide: PptxGenJS.Slide, item: TableItem, palette: Palette): void => {
  const none = { type: "none" } as const
  const line = { type: "solid", color: palette.line, pt: 0.75 } as const
  const { x, y } = cellMargin
  const cell = (head: boolean): PptxGenJS.TableCell => ({
    options: {
      valign: "middle",
      margin: [y, x, y, x],
      border: [none, none, head ? none : line, none],
      ...(head && { fill: { color: palette.accent } })
    }
  })
  slide.addTable(
    item.rows.map((row, index) => row.map(() => cell(index === 0))),
    { ...item.area, colW: [...item.widths], rowH: [...item.heights] }
  )
}

/** What pptxgenjs draws; the pass adds texts and shapes. */
const addItem = (slide: PptxGenJS.Slide, item: Item, palette: Palette): void => {
  if (item.kind === "picture") slide.addImage(imageOptions(item))
  else if (item.kind === "chart") addChart(slide, item, palette)
  else if (item.kind === "table") addTable(slide, item, palette)
}

export const writeDeck = async ({ created, outline, pictures, theme }: Rendering): Promise<Rendered> => {
  const palette = toPalette(theme.file)
  const { footer, title = "" } = outline
  const text = textsOf(outline.slides).join("\n")
  const known = textLanguage(text)
  const rtl = isRightToLeft(text)
  const { layouts, master } = frames(palette, {
    rtl,
    logo: theme.logo,
    ...(footer !== undefined && { footer })
  })

  const pptx = new PptxGenJS()
  pptx.layout = "LAYOUT_WIDE"
  pptx.rtlMode = rtl
  pptx.title = plain(title)
  pptx.author = "manifold"
  pptx.company = ""
  pptx.subject = ""
  pptx.theme = { headFontFace: palette.fonts.head, bodyFontFace: palette.fonts.body }
  for (const { background, items, name } of Object.values(layouts))
    pptx.defineSlideMaster({
      title: name,
      background: { color: background },
      objects: items.flatMap((item) => (item.kind === "picture" ? [{ image: imageOptions(item) }] : []))
    })

  const cut: Array<number> = []
  const slides = outline.slides.map((slide, index) => {
    const frame = layouts[slide.layout]
    const left: Array<string> = []
    const stage = { palette, rtl, pictures, texts: frame.texts, cut: (what: string) => left.push(what) }
    const items = [...draw(stage, slide), ...frame.feet]
    const page = pptx.addSlide({ masterName: frame.name })
    for (const item of items) addItem(page, item, palette)
    if (left.length > 0) cut.push(index + 1)
    return { items, notes: noted(slide.notes ?? "", left) }
  })

  const written = await pptx.write({ outputType: "uint8array" })
  if (!(written instanceof Uint8Array)) throw new TypeError("pptxgenjs did not write bytes")
  const bytes = repair(written, {
    palette,
    theme: theme.name,
    languages: languagesOf(text, known === undefined ? undefined : { en: "en-US", de: "de-DE" }[known]),
    created,
    master,
    layouts: Object.values(layouts),
    slides
  })
  return { bytes, cut }
}
