/** The pass over the files of pptxgenjs: one theme, one master, valid parts, and the same bytes for the same deck. */
import { strFromU8, unzipSync, zipSync, type Zippable } from "fflate"
import type { Item, Paragraph } from "../page/Item.ts"
import { languageOf } from "../page/language.ts"
import type { Frame } from "../page/layouts.ts"
import type { DrawnChart as Chart } from "../page/typesetting.ts"
import type { Picture } from "../Picture.ts"
import type { Palette } from "../Theme.ts"
import { placeholderName, type TextItem } from "./items.ts"
import { mtime, repairChart, repairWorkbook, xml } from "./repairCharts.ts"
import { colorXml, repairShapes } from "./repairShapes.ts"
import { Element, elements, escape, parse } from "./xmlTree.ts"

export interface LayoutPart {
  readonly frame: Frame
  readonly items: ReadonlyArray<Item>
}

/** What was drawn, in the order of the parts. */
export interface DrawnDeck {
  readonly palette: Palette
  readonly theme: string
  readonly title: string
  /** BCP 47; of notes. */
  readonly language: string
  /** ISO 8601. */
  readonly created: string
  /** The first is the master. */
  readonly layouts: ReadonlyArray<LayoutPart>
  readonly slides: ReadonlyArray<LayoutPart & { readonly notes: string }>
  readonly charts: ReadonlyArray<Chart>
  /** By their relation, as items name them. */
  readonly pictures: ReadonlyMap<string, Picture>
}

const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
const relsOf = (name: string) => name.replace(/([^/]+)$/, "_rels/$1.rels")

class Parts {
  readonly xml = new Map<string, Element>()
  readonly binary = new Map<string, Uint8Array>()

  get(name: string): Element {
    const part = this.xml.get(name)
    if (part === undefined) throw new Error(`${name} was not written`)
    return part
  }

  /** pptxgenjs counts charts through all decks of a process. */
  static read(bytes: Uint8Array, charts: number): Parts {
    const parts = new Parts()
    const files = unzipSync(bytes)
    const numbers = Object.keys(files).flatMap((name) => /^ppt\/charts\/chart(\d+)/.exec(name)?.[1] ?? [])
    const before = Math.max(0, ...numbers.map(Number)) - charts
    const counted = (text: string) =>
      text.replace(
        /(chart|Worksheet)(\d+)(?=\.(?:xml|xlsx))/g,
        (_, kind: string, number: string) => `${kind}${Number(number) - before}`
      )
    for (const [path, content] of Object.entries(files)) {
      if (path.endsWith("/") || path.startsWith("ppt/media/")) continue
      const name = counted(path)
      if (!/\.(?:xml|rels)$/.test(name)) parts.binary.set(name, content)
      else {
        const text = strFromU8(content)
        parts.xml.set(name, parse(/\.rels$|^\[/.test(name) ? counted(text) : text))
      }
    }
    return parts
  }

  write(): Uint8Array<ArrayBuffer> {
    const files: Zippable = {}
    for (const name of [...this.xml.keys()].toSorted()) files[name] = xml(this.get(name))
    for (const [name, bytes] of [...this.binary].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      files[name] = name.startsWith("ppt/media/") ? [bytes, { level: 0 }] : bytes
    return zipSync(files, { mtime })
  }
}

/** The master is drawn as a layout, for pptxgenjs draws nothing on a master; its own first layout is empty. */
const repairMaster = (parts: Parts, { layouts, palette }: DrawnDeck): void => {
  const name = "ppt/slideMasters/slideMaster1.xml"
  const [master, drawn] = [parts.get(name), parts.get("ppt/slideLayouts/slideLayout2.xml")]
  const content = drawn.child("p:cSld")
  if (content !== undefined) master.put(new Element("p:cSld", {}, content.children))
  for (const number of [1, 2]) {
    const layout = `ppt/slideLayouts/slideLayout${number}.xml`
    parts.xml.delete(layout)
    parts.xml.delete(relsOf(layout))
  }
  const relations = parts.get(relsOf(name))
  relations.children = relations.children.filter(
    ({ attributes }) => !/slideLayout[12]\.xml$/.test(String(attributes["Target"]))
  )
  const kept = new Set(relations.children.map(({ attributes }) => attributes["Id"]))
  for (const list of master.all("p:sldLayoutIdLst"))
    list.children = list.children.filter(({ attributes }) => kept.has(attributes["r:id"]))
  if (palette.dark)
    for (const map of master.all("p:clrMap"))
      Object.assign(map.attributes, { bg1: "dk1", tx1: "lt1", bg2: "dk2", tx2: "lt2" })
  master.put(new Element("p:hf", { hdr: 0, dt: 0 }))
  for (const [index, { frame }] of layouts.entries())
    if (index > 0) parts.get(`ppt/slideLayouts/slideLayout${index + 2}.xml`).attributes["type"] = frame.type
  for (const style of master.all("p:titleStyle", "p:bodyStyle")) repairStyle(style)
}

/** Text of new slides: headlines as ours, and lists with marks. */
const repairStyle = (style: Element): void => {
  const title = style.name === "p:titleStyle"
  for (const [index, level] of style.children.entries()) {
    level.attributes["algn"] = "l"
    const size = title ? 30 : Math.max(20 - 2 * index, 14)
    for (const font of level.all("a:defRPr"))
      font.attributes = { ...font.attributes, sz: size * 100, ...(title && { b: 1 }) }
    if (title) continue
    level.attributes = { ...level.attributes, marL: 266_700 * (index + 1), indent: -266_700 }
    level.put(new Element("a:spcBef", {}, elements('<a:spcPts val="600"/>')))
    level.put(new Element("a:buClr", {}, elements(colorXml("accent1"))), 1)
    level.put(new Element("a:buFont", { typeface: "Arial" }))
    level.put(new Element("a:buChar", { char: index === 0 ? "\u25aa" : "\u2013" }))
  }
}

/** ISO/IEC 29500-1, 20.1.6: `dk` is always the darker; the master's colour map says which of the two is the background. */
const repairTheme = (theme: Element, { accents, colors, dark }: Palette, name: string): void => {
  const [dk1, lt1, dk2, lt2] = dark
    ? [colors.background, colors.ink, colors.surface, colors.muted]
    : [colors.ink, colors.background, colors.muted, colors.surface]
  const named = { dk1, lt1, dk2, lt2, hlink: colors.accent, folHlink: colors.muted }
  const values: Record<string, string | undefined> = {
    ...named,
    ...Object.fromEntries(accents.map((color, index) => [`accent${index + 1}`, color]))
  }
  for (const each of [theme, ...theme.all("a:clrScheme", "a:fontScheme")])
    each.attributes["name"] = escape(name)
  for (const color of theme.all("a:clrScheme").flatMap(({ children }) => children))
    color.children = [new Element("a:srgbClr", { val: values[color.name.slice(2)] ?? "000000" })]
}

/** Fonts of the theme for every script, colours of the theme, and backgrounds that PowerPoint opens without repair. */
const repairCommon = (part: Element): void => {
  for (const font of part.all("a:latin", "a:ea", "a:cs")) {
    const face = String(font.attributes["typeface"])
    font.attributes = {
      typeface: face.startsWith("+")
        ? `${face.slice(0, 4)}${font.name.slice(2, 4).replace("la", "lt")}`
        : face
    }
  }
  for (const background of part.all("p:bgPr")) background.put(new Element("a:effectLst"))
}

const repairNotes = (part: Element, notes: string, language: string): void => {
  const body = part.all("p:txBody")[0]
  if (body === undefined) return
  body.remove("a:p")
  for (const line of notes.split("\n")) {
    const text = new Element("a:t")
    text.text = escape(line)
    const properties = new Element("a:rPr", { lang: languageOf(line, language), dirty: 0 })
    body.children.push(
      new Element("a:p", {}, line === "" ? [] : [new Element("a:r", {}, [properties, text])])
    )
  }
}

/** A type for every part, and none for what is not there. */
const repairTypes = (parts: Parts): void => {
  const types = parts.get("[Content_Types].xml")
  const names = [...parts.xml.keys(), ...parts.binary.keys()]
  const theme = "application/vnd.openxmlformats-officedocument.theme+xml"
  types.children.push(new Element("Override", { PartName: "/ppt/theme/theme2.xml", ContentType: theme }))
  types.children = types.children.filter(({ attributes: { Extension: extension, PartName: part } }) =>
    part === undefined
      ? names.some((name) => name.endsWith(`.${extension}`))
      : names.includes(String(part).slice(1))
  )
}

const repairProperties = (parts: Parts, { created, title }: DrawnDeck): void => {
  const core = parts.get("docProps/core.xml")
  core.remove("dc:subject", "dc:creator", "cp:lastModifiedBy", "cp:revision")
  for (const time of core.all("dcterms:created", "dcterms:modified")) time.text = created
  for (const name of core.all("dc:title")) name.text = escape(title)
  const app = parts.get("docProps/app.xml")
  app.children = app.children.filter(({ name }) =>
    /^(?:Application|PresentationFormat|Slides|Notes)$/.test(name)
  )
  for (const each of app.all("Application")) each.text = "manifold"
  for (const each of app.all("PresentationFormat")) each.text = "Widescreen"
  const presentation = parts.get("ppt/presentation.xml")
  const order = ["p:sldMasterIdLst", "p:notesMasterIdLst", "p:sldIdLst"]
  const rank = ({ name }: Element) => (order.includes(name) ? order.indexOf(name) : order.length)
  presentation.children.sort((a, b) => rank(a) - rank(b))
  presentation.put(new Element("p:notesSz", { cx: 6_858_000, cy: 9_144_000 }))
}

export const repairPackage = (bytes: Uint8Array, deck: DrawnDeck): Uint8Array<ArrayBuffer> => {
  const { charts, created, layouts, palette, pictures, slides, theme } = deck
  const parts = Parts.read(bytes, charts.length)
  const targets = new Map<Picture, string>()
  const store = (picture: Picture) => {
    const name = targets.get(picture) ?? `image${targets.size + 1}.${picture.extension}`
    targets.set(picture, name)
    parts.binary.set(`ppt/media/${name}`, picture.bytes)
    return `../media/${name}`
  }
  const repairPage = (
    name: string,
    items: ReadonlyArray<Item>,
    layout: boolean,
    styleOf: (item: TextItem) => Paragraph | undefined
  ) => {
    const shapes = repairShapes(parts.get(name), items, { layout, styleOf })
    for (const relation of parts.get(relsOf(name)).children) {
      const { attributes } = relation
      attributes["Target"] = String(attributes["Target"]).replace(/^\/ppt\//, "../")
      const at = shapes.findIndex((shape) =>
        shape.all("a:blip").some((blip) => blip.attributes["r:embed"] === attributes["Id"])
      )
      const item = items[at]
      const picture = item?.kind === "picture" ? pictures.get(item.relation) : undefined
      if (picture !== undefined) attributes["Target"] = store(picture)
    }
  }
  for (const [index, { items }] of layouts.entries())
    repairPage(`ppt/slideLayouts/slideLayout${index + 2}.xml`, items, true, ({ style }) => style)
  for (const [index, { frame, items, notes }] of slides.entries()) {
    const styles = new Map(
      frame.items.flatMap((item) =>
        item.kind === "text" && item.placeholder !== undefined
          ? [[placeholderName(item.placeholder), item.style] as const]
          : []
      )
    )
    const styleOf = ({ placeholder }: TextItem) =>
      placeholder === undefined ? undefined : styles.get(placeholderName(placeholder))
    repairPage(`ppt/slides/slide${index + 1}.xml`, items, false, styleOf)
    repairNotes(parts.get(`ppt/notesSlides/notesSlide${index + 1}.xml`), notes, deck.language)
  }
  for (const [index, chart] of charts.entries()) {
    repairChart(parts.get(`ppt/charts/chart${index + 1}.xml`), chart, palette)
    const workbook = `ppt/embeddings/Microsoft_Excel_Worksheet${index + 1}.xlsx`
    parts.binary.set(workbook, repairWorkbook(parts.binary.get(workbook) ?? new Uint8Array(), chart, created))
  }
  repairMaster(parts, deck)
  repairTheme(parts.get("ppt/theme/theme1.xml"), palette, theme)
  // The masters of slides and of notes have a theme each.
  parts.xml.set("ppt/theme/theme2.xml", parts.get("ppt/theme/theme1.xml"))
  for (const { attributes } of parts.get("ppt/notesMasters/_rels/notesMaster1.xml.rels").children)
    if (attributes["Type"] === `${office}/theme`) attributes["Target"] = "../theme/theme2.xml"
  for (const part of parts.xml.values()) repairCommon(part)
  repairProperties(parts, deck)
  repairTypes(parts)
  return parts.write()
}
