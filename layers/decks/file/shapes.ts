/** Texts and shapes as elements of a slide or a layout: placeholders that inherit, which pptxgenjs cannot write. */
import type { Languages } from "../page/direction.ts"
import type { Area, Geometry, ShapeItem, TextItem } from "../page/Item.ts"
import { fillXml, levelXml, paragraphXml } from "./textBody.ts"
import { attributesXml, escape } from "./xmlTree.ts"

/** EMU of an inch. */
const inch = 914_400

const frameXml = ({ h, w, x, y }: Area, flips = ""): string => {
  const [left, top, width, height] = [x, y, w, h].map((inches) => Math.round(inches * inch))
  return `<a:xfrm${flips}><a:off x="${left}" y="${top}"/><a:ext cx="${width}" cy="${height}"/></a:xfrm>`
}

/** `pieWedge` is a quarter disc whose centre is the lower right corner. */
const geometries: Readonly<Record<Geometry, readonly [name: string, flips?: string]>> = {
  rect: ["rect"],
  ellipse: ["ellipse"],
  round: ["roundRect"],
  "quarter-br": ["pieWedge"],
  "quarter-bl": ["pieWedge", ' flipH="1"'],
  "quarter-tr": ["pieWedge", ' flipV="1"'],
  "quarter-tl": ["pieWedge", ' flipH="1" flipV="1"']
}

/** Marks a shape that screen readers skip. */
const decorative =
  '<a:extLst><a:ext uri="{C183D7F6-B498-43B3-948B-1728B52AA6E4}"><adec:decorative xmlns:adec="http://schemas.microsoft.com/office/drawing/2017/decorative" val="1"/></a:ext></a:extLst>'

export const shapeXml = (item: ShapeItem, id: number): string => {
  const { area, fill, geometry = "rect", name } = item
  const [form, flips] = geometries[geometry]
  const properties = `${frameXml(area, flips)}<a:prstGeom prst="${form}"><a:avLst/></a:prstGeom>${fillXml(fill)}`
  return `<p:sp><p:nvSpPr><p:cNvPr id="${id}" name="${escape(name)}">${decorative}</p:cNvPr><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr>${properties}<a:ln><a:noFill/></a:ln></p:spPr><p:txBody><a:bodyPr/><a:lstStyle/><a:p><a:endParaRPr/></a:p></p:txBody></p:sp>`
}

/** Slides keep their number as text; a layout has none. */
const numberXml = (number: number | undefined) =>
  `<a:p><a:fld id="{F7021451-1387-4CA6-816F-3879F97B5CBC}" type="slidenum"><a:rPr dirty="0"/><a:t>${number ?? "\u2039#\u203a"}</a:t></a:fld><a:endParaRPr dirty="0"/></a:p>`

/** `number`: of the slide; absent on a layout, which says how the text of its placeholders looks. */
export const textXml = (item: TextItem, id: number, languages: Languages, number?: number): string => {
  const { anchor = "t", area, font, paragraphs, placeholder, style } = item
  const ofLayout = number === undefined && placeholder !== undefined
  const { index, type = "" } = placeholder ?? {}
  const size = type === "ftr" || type === "sldNum" ? "quarter" : undefined
  const kind = placeholder === undefined ? "" : `<p:ph${attributesXml({ type, sz: size, idx: index })}/>`
  const lock = placeholder === undefined ? ' txBox="1"/>' : '><a:spLocks noGrp="1"/></p:cNvSpPr>'
  const names = `<p:cNvPr id="${id}" name="${escape(item.name)}"/><p:cNvSpPr${lock}<p:nvPr>${kind}</p:nvPr>`
  const fit = placeholder === undefined ? "<a:noAutofit/>" : "<a:normAutofit/>"
  const frame =
    area === undefined
      ? "<a:bodyPr/>"
      : `<a:bodyPr wrap="square" lIns="0" tIns="0" rIns="0" bIns="0" rtlCol="0" anchor="${anchor}">${fit}</a:bodyPr>`
  const place = area === undefined ? "" : `${frameXml(area)}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>`
  const levels = ofLayout ? levelXml(style ?? {}, font) : ""
  const prompt = paragraphs[0]?.runs[0]?.text ?? ""
  const text =
    type === "sldNum"
      ? numberXml(number)
      : ofLayout
        ? `<a:p><a:r><a:rPr dirty="0"/><a:t>${escape(prompt)}</a:t></a:r></a:p>`
        : paragraphs.map((each) => paragraphXml(each, { languages, font, inherited: style })).join("")
  return `<p:sp><p:nvSpPr>${names}</p:nvSpPr><p:spPr>${place}</p:spPr><p:txBody>${frame}<a:lstStyle>${levels}</a:lstStyle>${text}</p:txBody></p:sp>`
}
