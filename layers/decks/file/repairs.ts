/** The pass over the files of pptxgenjs: one theme, texts that inherit from layouts, and valid parts that are the same for the same deck. */
import { languageOf, type Languages } from "../page/direction.ts"
import type { Item, TableItem } from "../page/Item.ts"
import type { Frame } from "../page/layouts.ts"
import type { Picture } from "../Picture.ts"
import type { Palette } from "../Theme.ts"
import { repairChart } from "./charts.ts"
import { shapeXml, textXml } from "./shapes.ts"
import { get, read, relations, write, type Parts } from "./packageFiles.ts"
import { levelXml, paragraphXml } from "./textBody.ts"
import { workbook } from "./workbook.ts"
import { attributesXml, elements, escape, type Element } from "./xmlTree.ts"

export interface DrawnDeck {
  readonly palette: Palette
  readonly theme: string
  readonly languages: Languages
  /** ISO 8601. */
  readonly created: string
  readonly master: Frame
  readonly layouts: ReadonlyArray<Frame>
  readonly slides: ReadonlyArray<{ readonly items: ReadonlyArray<Item>; readonly notes: string }>
}

const repairTable = (frame: Element, item: TableItem, { languages, palette }: DrawnDeck): void => {
  for (const properties of frame.all("a:tblPr"))
    properties.attributes = { rtl: item.rtl === true ? 1 : undefined, firstRow: 1 }
  const bodies = frame.all("a:txBody")
  for (const [index, text] of item.rows.flat().entries()) {
    const head = index < item.widths.length
    const atEnd = item.numeric[index % item.widths.length] === true
    const style = {
      align: atEnd === (item.rtl === true) ? ("l" as const) : ("r" as const),
      size: item.size,
      bold: head,
      color: head ? palette.onAccent : palette.ink,
      spacing: 1
    }
    const paragraph = paragraphXml({ ...style, runs: [{ text }] }, { languages })
    bodies[index]?.fill(`<a:bodyPr/><a:lstStyle/>${paragraph}`)
  }
}

type Store = (picture: Picture) => string

/** Puts texts and shapes between the pictures, charts and tables that pptxgenjs drew; `number`: of the slide. */
const repairPage = (
  parts: Parts,
  name: string,
  items: ReadonlyArray<Item>,
  deck: DrawnDeck,
  store: Store,
  number?: number
): void => {
  const part = get(parts, name)
  const [tree] = part.all("p:spTree")
  if (tree === undefined) throw new Error(`${name} has no shapes`)
  const [names, transform, ...drawn] = tree.children
  const shapes = items.flatMap((item, index): ReadonlyArray<Element | undefined> => {
    const id = index + 2
    if (item.kind === "shape") return elements(shapeXml(item, id))
    if (item.kind === "text") return elements(textXml(item, id, deck.languages, number))
    const shape = drawn.shift()
    for (const { attributes, children } of shape?.all("p:cNvPr") ?? []) {
      Object.assign(attributes, { id, name: item.name, descr: escape(item.alt) })
      children.length = 0
    }
    if (item.kind === "table" && shape !== undefined) repairTable(shape, item, deck)
    if (item.kind !== "picture") return [shape]
    const used = shape?.all("a:blip")[0]?.attributes["r:embed"]
    for (const { attributes } of relations(parts, name))
      if (attributes["Id"] === used) attributes["Target"] = store(item.picture)
    return [shape]
  })
  tree.children = [names, transform, ...shapes].filter((each) => each !== undefined)
  for (const background of part.all("p:bgPr")) background.children.push(...elements("<a:effectLst/>"))
  for (const { attributes } of relations(parts, name))
    attributes["Target"] = String(attributes["Target"]).replace(/^\/ppt\//, "../")
}

const repairNotes = (part: Element, notes: string, languages: Languages): void => {
  const lines = notes.split("\n").map((line) => {
    const lang = attributesXml({ lang: languageOf(line, languages) })
    return line === "" ? "<a:p/>" : `<a:p><a:r><a:rPr${lang}/><a:t>${escape(line)}</a:t></a:r></a:p>`
  })
  part.all("p:txBody")[0]?.fill(`<a:bodyPr/><a:lstStyle/>${lines.join("")}`)
}

/** Names of colours in a theme (ISO/IEC 29500-1, 20.1.6): `dk` is always the darker. */
const swapped = { bg1: "dk1", tx1: "lt1", bg2: "dk2", tx2: "lt2" }

/** The first layout of pptxgenjs is empty; the master gets the text of new slides, headlines and lists with marks. */
const repairMaster = (parts: Parts, { layouts, palette }: DrawnDeck): void => {
  const master = get(parts, "ppt/slideMasters/slideMaster1.xml")
  for (const page of master.all("p:cSld"))
    page.children.unshift(...elements('<p:bg><p:bgRef idx="1001"><a:schemeClr val="bg1"/></p:bgRef></p:bg>'))
  if (palette.dark) for (const { attributes } of master.all("p:clrMap")) Object.assign(attributes, swapped)
  for (const feet of master.all("p:hf")) feet.attributes = { hdr: 0, dt: 0 }
  const levels = Array.from({ length: 9 }, (_, level) => {
    const style = {
      size: Math.max(20 - 2 * level, 14),
      color: "tx1",
      bullet: level === 0 ? "tick" : "dash"
    } as const
    return levelXml({ ...style, level, before: 6 }, "body", level + 1)
  })
  for (const style of master.all("p:bodyStyle")) style.fill(levels.join(""))
  for (const style of master.all("p:titleStyle"))
    style.fill(levelXml({ size: 30, bold: true, color: "tx1" }, "head"))
  const [empty] = get(parts, "ppt/slideLayouts/slideLayout1.xml").all("p:cSld")
  if (empty !== undefined) empty.attributes["name"] = "Blank"
  for (const [index, { type }] of layouts.entries())
    get(parts, `ppt/slideLayouts/slideLayout${index + 2}.xml`).attributes["type"] = type
}

/** The master's colour map says which of `dk` and `lt` is the background. */
const repairTheme = (theme: Element, { accents, colors, dark }: Palette, name: string): void => {
  const [dk1, lt1, dk2, lt2] = dark
    ? [colors.background, colors.ink, colors.surface, colors.muted]
    : [colors.ink, colors.background, colors.muted, colors.surface]
  const all = {
    dk1,
    lt1,
    dk2,
    lt2,
    ...Object.fromEntries(accents.map((each, index) => [`accent${index + 1}`, each])),
    hlink: colors.accent,
    folHlink: colors.muted
  }
  theme.attributes["name"] = escape(name)
  for (const scheme of theme.all("a:clrScheme"))
    scheme.fill(
      Object.entries(all)
        .map(([key, value]) => `<a:${key}><a:srgbClr val="${value}"/></a:${key}>`)
        .join("")
    )
}

/** The order of the schema, the size of notes pages, the given time, and a type for every part that is there. */
const repairProperties = (parts: Parts, created: string): void => {
  const presentation = get(parts, "ppt/presentation.xml")
  const order = ["p:sldMasterIdLst", "p:notesMasterIdLst", "p:sldIdLst", "p:sldSz", "p:notesSz"]
  const rank = ({ name }: Element) => (order.includes(name) ? order.indexOf(name) : order.length)
  presentation.children.sort((a, b) => rank(a) - rank(b))
  for (const size of presentation.all("p:notesSz")) size.attributes["cy"] = 9_144_000
  const core = get(parts, "docProps/core.xml")
  for (const time of [...core.all("dcterms:created"), ...core.all("dcterms:modified")]) time.text = created
  const types = get(parts, "[Content_Types].xml")
  const names = [...parts.keys()]
  types.children = types.children.filter(({ attributes: { Extension: extension, PartName: part } }) =>
    part === undefined
      ? names.some((name) => name.endsWith(`.${extension}`))
      : parts.has(String(part).slice(1))
  )
}

export const repair = (bytes: Uint8Array, deck: DrawnDeck): Uint8Array<ArrayBuffer> => {
  const { created, languages, layouts, master, palette, slides, theme } = deck
  const parts = read(bytes)
  const names = new Map<Picture, string>()
  const store: Store = (picture) => {
    const name = names.get(picture) ?? `image${names.size + 1}.${picture.extension}`
    names.set(picture, name)
    parts.set(`ppt/media/${name}`, picture.bytes)
    return `../media/${name}`
  }
  const page = (name: string, items: ReadonlyArray<Item>, number?: number) =>
    repairPage(parts, name, items, deck, store, number)
  page("ppt/slideMasters/slideMaster1.xml", master.items)
  for (const [index, { items }] of layouts.entries())
    page(`ppt/slideLayouts/slideLayout${index + 2}.xml`, items)
  for (const [index, { items, notes }] of slides.entries()) {
    page(`ppt/slides/slide${index + 1}.xml`, items, index + 1)
    repairNotes(get(parts, `ppt/notesSlides/notesSlide${index + 1}.xml`), notes, languages)
  }
  const charts = slides.flatMap(({ items }) =>
    items.flatMap((item) => (item.kind === "chart" ? [item.chart] : []))
  )
  for (const [index, chart] of charts.entries()) {
    repairChart(get(parts, `ppt/charts/chart${index + 1}.xml`), chart, palette)
    parts.set(`ppt/embeddings/Microsoft_Excel_Worksheet${index + 1}.xlsx`, workbook(chart))
  }
  repairMaster(parts, deck)
  repairTheme(get(parts, "ppt/theme/theme1.xml"), palette, theme)
  repairProperties(parts, created)
  return write(parts)
}
