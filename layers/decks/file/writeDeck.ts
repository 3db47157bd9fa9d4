/** Writes an outline as a presentation of PowerPoint 2007 and later (ISO/IEC 29500-4), with pptxgenjs and a pass over its files. */
import PptxGenJS from "pptxgenjs"
import type { Layout, Outline } from "../outline/Outline.ts"
import { textLanguage } from "../outline/amounts.ts"
import { textsOf } from "../outline/plainText.ts"
import type { Item } from "../page/Item.ts"
import { languagesOf } from "../page/language.ts"
import { frames, type Frame } from "../page/layouts.ts"
import { feet, logoItems, masterFrame, slideFeet } from "../page/master.ts"
import { isRightToLeft, mirror } from "../page/mirror.ts"
import { draw } from "../page/pages.ts"
import type { DrawnChart } from "../page/typesetting.ts"
import type { Picture } from "../Picture.ts"
import { palette as toPalette, type ThemeFile } from "../Theme.ts"
import { addChart } from "./charts.ts"
import { addItem, fill, layoutObject, position } from "./items.ts"
import type { LayoutPart } from "./packageParts.ts"
import { repairPackage } from "./repairPackage.ts"
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

const defineLayout = (pptx: PptxGenJS, { frame, items }: LayoutPart): void => {
  const number = items.find((item) => item.kind === "text" && item.placeholder?.type === "sldNum")
  const { area, style } = number?.kind === "text" ? number : {}
  pptx.defineSlideMaster({
    title: frame.name,
    background: fill(frame.background),
    objects: items.filter((item) => item !== number).map((item) => layoutObject(item)),
    ...(area !== undefined && {
      slideNumber: {
        ...position(area),
        fontSize: style?.size ?? 11,
        fontFace: "+mn-lt",
        color: style?.color ?? "tx2",
        align: style?.align === "l" ? "left" : "right"
      }
    })
  })
}

export const writeDeck = async ({ created, outline, pictures, theme }: Rendering): Promise<Rendered> => {
  const palette = toPalette(theme.file)
  const { footer = "", title = "" } = outline
  const text = textsOf(outline.slides).join("\n")
  const known = textLanguage(text)
  const languages = languagesOf(text, known === undefined ? undefined : { en: "en-US", de: "de-DE" }[known])
  const rtl = isRightToLeft(text)
  const mirrored = (items: ReadonlyArray<Item>) => (rtl ? items.map(mirror) : items)
  const relations = new Map<string, Picture>()
  const relate = (picture: Picture) => {
    const relation = `picture${relations.size + 1}`
    relations.set(relation, picture)
    return relation
  }

  const pptx = new PptxGenJS()
  pptx.layout = "LAYOUT_WIDE"
  pptx.rtlMode = rtl
  pptx.title = plain(title)
  pptx.theme = { headFontFace: palette.fonts.head, bodyFontFace: palette.fonts.body }

  const layoutPart = (frame: Frame, logo: ReadonlyArray<Item> = []): LayoutPart => {
    const part = { frame, items: [...frame.items, ...mirrored([...logo, ...feet(frame, footer)])] }
    defineLayout(pptx, part)
    return part
  }
  const { logo } = theme
  const layouts = frames(palette, rtl)
  const plainPage = masterFrame(palette)
  const master = layoutPart({ ...plainPage, items: mirrored(plainPage.items) })
  const drawnLayouts = (Object.keys(layouts) as ReadonlyArray<Layout>).map((name) => {
    const frame = layouts[name]
    const items = logo === undefined ? [] : logoItems(logo, relate(logo), name, frame.foot !== undefined)
    return layoutPart(frame, items)
  })

  const charts: Array<DrawnChart> = []
  const cut: Array<number> = []
  const slides = outline.slides.map((slide, index) => {
    const frame = layouts[slide.layout]
    const left: Array<string> = []
    const own = new Map<string, DrawnChart>()
    const stage = {
      palette,
      rtl,
      pictures,
      picture: relate,
      chart: (chart: DrawnChart) => {
        own.set(`chart${own.size + 1}`, chart)
        return `chart${own.size}`
      },
      cut: (what: string) => left.push(what)
    }
    const items = [...draw(stage, slide), ...mirrored(slideFeet(frame, footer))]
    const page = pptx.addSlide({ masterName: frame.name })
    for (const item of items) {
      const chart = item.kind === "chart" ? own.get(item.relation) : undefined
      if (item.kind !== "chart") addItem(page, item, languages)
      else if (chart !== undefined) {
        charts.push(chart)
        addChart(page, item, chart, palette)
      }
    }
    if (left.length > 0) cut.push(index + 1)
    return { frame, items, notes: noted(slide.notes ?? "", left) }
  })

  const written = await pptx.write({ outputType: "uint8array" })
  if (!(written instanceof Uint8Array)) throw new TypeError("pptxgenjs did not write bytes")
  const bytes = repairPackage(written, {
    palette,
    theme: theme.name,
    title,
    languages,
    created,
    layouts: [master, ...drawnLayouts],
    slides,
    charts,
    pictures: relations
  })
  return { bytes, cut }
}
