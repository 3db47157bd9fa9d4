/** The pass over the files of pptxgenjs: one theme, one master, valid parts, and the same bytes for the same deck. */
import type { Item, Paragraph } from "../page/Item.ts"
import { languageOf, type Languages } from "../page/language.ts"
import type { Picture } from "../Picture.ts"
import { placeholderName, type TextItem } from "./items.ts"
import { Parts, relsOf, type DrawnDeck } from "./packageParts.ts"
import { repairChart, repairWorkbook } from "./repairCharts.ts"
import { repairMaster, repairTheme } from "./repairMaster.ts"
import { repairShapes } from "./repairShapes.ts"
import { Element, escape } from "./xmlTree.ts"

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

const repairNotes = (part: Element, notes: string, languages: Languages): void => {
  const body = part.all("p:txBody")[0]
  if (body === undefined) return
  body.remove("a:p")
  for (const line of notes.split("\n")) {
    const text = new Element("a:t")
    text.text = escape(line)
    const properties = new Element("a:rPr", { lang: languageOf(line, languages), dirty: 0 })
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
    repairNotes(parts.get(`ppt/notesSlides/notesSlide${index + 1}.xml`), notes, deck.languages)
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
    if (String(attributes["Type"]).endsWith("/theme")) attributes["Target"] = "../theme/theme2.xml"
  for (const part of parts.xml.values()) repairCommon(part)
  repairProperties(parts, deck)
  repairTypes(parts)
  return parts.write()
}
