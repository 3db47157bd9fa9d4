/** Adds to the shapes of a slide or a layout what pptxgenjs cannot say: placeholders, marks of lists, alternative texts. */
import { indents, levelIndent, type Item, type Paragraph } from "../page/Item.ts"
import type { Color } from "../Theme.ts"
import type { TextItem } from "./items.ts"
import { Element, elements, escape } from "./xmlTree.ts"

/** EMU of a point, and of an inch. */
const point = 12_700
const inch = 72 * point

export const colorXml = (color: Color): string => {
  const [value = "", opacity] = color.split("/")
  const alpha = opacity === undefined ? "" : `<a:alpha val="${Number(opacity) * 1000}"/>`
  return `<a:${/^[0-9A-F]{6}$/.test(value) ? "srgbClr" : "schemeClr"} val="${value}">${alpha}</a:${/^[0-9A-F]{6}$/.test(value) ? "srgbClr" : "schemeClr"}>`
}

/** Tells screen readers that there is nothing to read. */
const decorative =
  '<a:extLst><a:ext uri="{C183D7F6-B498-43B3-948B-1728B52AA6E4}"><adec:decorative xmlns:adec="http://schemas.microsoft.com/office/drawing/2017/decorative" val="1"/></a:ext></a:extLst>'

/** Colour and font of a list's mark, and the indents that its text was measured with. */
const repairBullet = (properties: Element, paragraph: Paragraph): void => {
  const { bullet, level = 0, mark = "accent1", size = 18 } = paragraph
  if (bullet === undefined) return
  const margin = (indents[bullet] + level * levelIndent) * size * point
  properties.attributes["marL"] = Math.round(margin)
  const font = bullet === "number" ? "+mj-lt" : "Arial"
  properties.children = properties.children.flatMap((each) => {
    if (each.name === "a:buSzPct")
      return elements(`<a:buClr>${colorXml(mark)}</a:buClr><a:buFont typeface="${font}"/>`)
    if (each.attributes["startAt"] === "1") delete each.attributes["startAt"]
    return each.name === "a:buFont" ? [] : [each]
  })
}

/** Runs say what their paragraph says, and nothing that they inherit from the layout's style. */
const repairRun = (
  run: Element,
  given: Partial<Paragraph>,
  style: Partial<Paragraph>,
  placeholder: boolean
): void => {
  const properties = run.child("a:rPr")
  if (properties === undefined) return
  const { attributes } = properties
  // pptxgenjs takes a text without language for English.
  if (attributes["altLang"] === undefined) delete attributes["lang"]
  delete attributes["altLang"]
  attributes["b"] = given.bold === undefined ? undefined : Number(given.bold)
  if (given.size === undefined || given.size === style.size) delete attributes["sz"]
  if (given.color === undefined) properties.remove("a:solidFill")
  if (placeholder && properties.child("a:latin")?.attributes["typeface"] !== "Courier New")
    properties.remove("a:latin", "a:ea", "a:cs")
}

const repairParagraph = (
  element: Element,
  paragraph: Paragraph,
  style: Paragraph | undefined,
  placeholder: boolean
): void => {
  const [properties] = element.all("a:pPr")
  // pptxgenjs writes the properties of a paragraph for each of its runs.
  element.children = element.children.filter((each) => each.name !== "a:pPr" || each === properties)
  if (properties !== undefined) {
    repairBullet(properties, paragraph)
    if (style?.rtl === true) properties.attributes["rtl"] ??= 0
    if (properties.child("a:spcBef") === undefined)
      properties.children.splice(
        properties.child("a:lnSpc") === undefined ? 0 : 1,
        0,
        ...elements('<a:spcBef><a:spcPts val="0"/></a:spcBef>')
      )
  }
  const runs = element.all("a:r")
  const shown = paragraph.runs.filter(({ text }) => text !== "")
  for (const [index, run] of runs.entries())
    repairRun(run, { ...paragraph, ...shown[index] }, style ?? {}, placeholder)
  const last = runs.at(-1)?.child("a:rPr")?.attributes ?? {}
  element.put(new Element("a:endParaRPr", { lang: last["lang"], sz: last["sz"], dirty: 0 }))
}

const anchored = ({ anchor = "t", inset = 0, placeholder }: TextItem): Element => {
  const side = Math.round(inset * inch)
  return new Element(
    "a:bodyPr",
    { wrap: "square", lIns: side, tIns: side, rIns: side, bIns: side, rtlCol: 0, anchor },
    elements(placeholder === undefined ? "<a:noAutofit/>" : "<a:normAutofit/>")
  )
}

const repairText = (shape: Element, item: TextItem, style: Paragraph | undefined, layout: boolean): void => {
  const { area, placeholder } = item
  const [names, properties, body] = ["p:nvSpPr", "p:spPr", "p:txBody"].map((name) => shape.child(name))
  if (names === undefined || properties === undefined || body === undefined) return
  properties.remove("a:ln", "a:extLst")
  const inherits = placeholder !== undefined && area === undefined
  body.put(inherits ? new Element("a:bodyPr") : anchored(item))
  if (placeholder?.type === "sldNum") repairPageNumber(body, layout)
  const paragraphs = body.children.filter(({ name }) => name === "a:p")
  for (const [index, each] of paragraphs.entries())
    repairParagraph(each, item.paragraphs[index] ?? { runs: [] }, style, placeholder !== undefined)
  if (placeholder === undefined) return
  const small = placeholder.type === "ftr" || placeholder.type === "sldNum" ? "quarter" : undefined
  const attributes = { type: placeholder.type, sz: small, idx: placeholder.index }
  names.put(new Element("p:cNvSpPr", {}, elements('<a:spLocks noGrp="1"/>')))
  names.put(new Element("p:nvPr", {}, [new Element("p:ph", attributes)]))
  if (item.fill === undefined) properties.remove("a:noFill")
  if (!layout) properties.remove("a:prstGeom", ...(inherits ? ["a:xfrm"] : []))
  if (area !== undefined) place(properties, item)
  if (layout) for (const paragraph of paragraphs) paragraph.remove("a:pPr")
  for (const level of body.all("a:lvl1pPr")) repairBullet(level, style ?? { runs: [] })
}

/** Slides keep their number as text; a layout has none. */
const repairPageNumber = (body: Element, layout: boolean): void => {
  const [paragraph] = body.all("a:p")
  const align = paragraph?.child("a:pPr")?.attributes["algn"]
  paragraph?.remove("a:pPr")
  if (!layout) {
    body.put(new Element("a:lstStyle"))
    return
  }
  for (const level of body.all("a:lvl1pPr")) level.attributes["algn"] = align
  for (const text of body.all("a:t")) text.text = "\u2039#\u203a"
}

const place = (properties: Element, { area }: Item): void => {
  if (area === undefined) return
  const [x, y, cx, cy] = [area.x, area.y, area.w, area.h].map((inches) => Math.round(inches * inch))
  const corners = [new Element("a:off", { x, y }), new Element("a:ext", { cx, cy })]
  properties.put(new Element("a:xfrm", {}, corners), 0)
}

const repairTable = (shape: Element, item: Item & { readonly kind: "table" }): void => {
  for (const properties of shape.all("p:nvPr")) properties.children = []
  for (const properties of shape.all("a:tblPr"))
    properties.attributes = { rtl: item.rtl === true ? 1 : undefined, firstRow: 1 }
  const paragraphs = shape.all("a:p")
  for (const [index, cell] of item.rows.flat().entries()) {
    const paragraph = paragraphs[index]
    const style = { runs: cell.runs, size: item.size, color: "tx1", bold: index < item.widths.length }
    if (paragraph !== undefined) repairParagraph(paragraph, style, undefined, false)
  }
}

/** `styleOf` finds what a placeholder inherits. */
export const repairShapes = (
  part: Element,
  items: ReadonlyArray<Item>,
  options: {
    readonly layout: boolean
    readonly styleOf: (item: TextItem) => Paragraph | undefined
  }
): ReadonlyArray<Element> => {
  const [tree] = part.all("p:spTree")
  if (tree === undefined) throw new Error("a page without shapes")
  const [names, transform, ...drawn] = tree.children
  // Behind the items stand the placeholders that the slide leaves empty, and then the page number.
  const shapes = items.map((item, index) => {
    const numbered = item.kind === "text" && item.placeholder?.type === "sldNum"
    const shape = numbered ? drawn.at(-1) : drawn[index]
    if (shape === undefined) throw new Error(`${item.name} was not drawn`)
    return shape
  })
  tree.children = [names, transform, ...shapes].filter((each) => each !== undefined)
  for (const [index, item] of items.entries()) {
    const shape = shapes[index] ?? new Element("")
    const [name] = shape.all("p:cNvPr")
    if (name !== undefined) {
      name.attributes = { id: index + 2, name: escape(item.name) }
      if ("alt" in item) name.attributes["descr"] = escape(item.alt)
      name.children = item.kind === "shape" ? [...elements(decorative)] : []
    }
    if (item.kind === "text") repairText(shape, item, options.styleOf(item), options.layout)
    else if (item.kind === "table") repairTable(shape, item)
    for (const line of shape.all("a:ln")) if (line.children.length === 0) line.put(new Element("a:noFill"))
  }
  return shapes
}
