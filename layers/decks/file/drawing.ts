/** What stands on a page, as DrawingML and PresentationML (ECMA-376, part 1): text, shapes, pictures, tables, charts. */
import type { Color } from "../Theme.ts"
import {
  cellMargin,
  indents,
  type Area,
  type Cell,
  type Frame,
  type Geometry,
  type Item,
  type Paragraph,
  type Placeholder,
  type Run
} from "../page/Item.ts"
import { attributes, escape } from "./xml.ts"

export const emu = (inches: number): number => Math.round(inches * 914_400)
const hundredths = (points: number) => Math.round(points * 100)

const colorXml = (color: Color): string => {
  const [name = "", opacity] = color.split("/")
  const alpha = opacity === undefined ? "" : `<a:alpha val="${Number(opacity) * 1000}"/>`
  const tag = /^[0-9A-F]{6}$/.test(name) ? "srgbClr" : "schemeClr"
  return `<a:${tag} val="${name}">${alpha}</a:${tag}>`
}

export const solid = (color: Color): string => `<a:solidFill>${colorXml(color)}</a:solidFill>`

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u
const strong = /\p{L}/u

/** Whether the first letter is one of a script that runs from right to left (UAX 9, rule P2). */
export const isRightToLeft = (text: string): boolean => {
  for (const character of text) {
    if (rightToLeft.test(character)) return true
    if (strong.test(character)) return false
  }
  return false
}

const fonts = (font: "head" | "body" | undefined) => {
  if (font === undefined) return ""
  const prefix = font === "head" ? "+mj" : "+mn"
  return `<a:latin typeface="${prefix}-lt"/><a:ea typeface="${prefix}-ea"/><a:cs typeface="${prefix}-cs"/>`
}

const runProperties = (tag: string, run: Omit<Run, "text">, font?: "head" | "body", tracking?: number) => {
  const { bold, color, size } = run
  const own = attributes({
    sz: size === undefined ? undefined : hundredths(size),
    b: bold === undefined ? undefined : Number(bold),
    spc: tracking === undefined ? undefined : hundredths(tracking),
    dirty: tag === "a:rPr" ? 0 : undefined
  })
  return `<${tag}${own}>${color === undefined ? "" : solid(color)}${fonts(font)}</${tag}>`
}

const marks = { tick: "\u25aa", dash: "\u2013", number: "" } as const

/** ECMA-376, `CT_TextParagraphProperties`: the order of its children matters. */
const paragraphProperties = (tag: string, paragraph: Paragraph, size: number, run: string) => {
  const { align, before, bullet, level = 0, spacing } = paragraph
  const text = paragraph.runs.map((each) => each.text).join("")
  const backwards = isRightToLeft(text)
  const indent = bullet === undefined ? 0 : Math.round(indents[bullet] * size * 12_700)
  const margin = indent + (level === 0 ? 0 : Math.round(indents.tick * size * 12_700 * 1.1))
  const own = attributes({
    marL: bullet === undefined ? 0 : margin,
    indent: bullet === undefined ? 0 : -indent,
    lvl: level === 0 ? undefined : level,
    algn: backwards && (align ?? "l") === "l" ? "r" : align,
    rtl: backwards ? 1 : undefined
  })
  const line =
    spacing === undefined ? "" : `<a:lnSpc><a:spcPct val="${Math.round(spacing * 100_000)}"/></a:lnSpc>`
  const space = `<a:spcBef><a:spcPts val="${hundredths(before ?? 0)}"/></a:spcBef>`
  const mark =
    bullet === undefined
      ? "<a:buNone/>"
      : `<a:buClr>${colorXml(paragraph.mark ?? "accent1")}</a:buClr>${
          bullet === "number"
            ? '<a:buFont typeface="+mj-lt"/><a:buAutoNum type="arabicPlain"/>'
            : `<a:buFont typeface="Arial"/><a:buChar char="${marks[bullet]}"/>`
        }`
  return `<${tag}${own}>${line}${space}${mark}${run}</${tag}>`
}

const paragraphXml = (paragraph: Paragraph, font: "head" | "body" | undefined) => {
  const { bold, color, runs, size, tracking } = paragraph
  const inherited = {
    ...(bold !== undefined && { bold }),
    ...(color !== undefined && { color }),
    ...(size !== undefined && { size })
  }
  const pieces = runs
    .filter(({ text }) => text !== "")
    .map(
      (run) =>
        `<a:r>${runProperties("a:rPr", { ...inherited, ...run }, font, tracking)}<a:t>${escape(run.text)}</a:t></a:r>`
    )
    .join("")
  const properties = paragraphProperties("a:pPr", paragraph, size ?? 18, "")
  return `<a:p>${properties}${pieces}${runProperties("a:endParaRPr", inherited)}</a:p>`
}

const body = ({ anchor = "t", inset = 0 }: Frame) => {
  const side = emu(inset)
  return `<a:bodyPr wrap="square" lIns="${side}" tIns="${side}" rIns="${side}" bIns="${side}" rtlCol="0" anchor="${anchor}"><a:noAutofit/></a:bodyPr>`
}

const transform = (tag: string, { h, w, x, y }: Area) =>
  `<${tag}><a:off x="${emu(x)}" y="${emu(y)}"/><a:ext cx="${emu(w)}" cy="${emu(h)}"/></${tag}>`

/** A quarter disc: its centre, and the two ends of its arc, in a square of side 1; the arc's start in degrees. */
const quarters = {
  "quarter-tl": { center: [0, 0], from: [1, 0], start: 0 },
  "quarter-tr": { center: [1, 0], from: [1, 1], start: 90 },
  "quarter-br": { center: [1, 1], from: [0, 1], start: 180 },
  "quarter-bl": { center: [0, 1], from: [0, 0], start: 270 }
} as const

const geometryXml = (geometry: Geometry, area: Area) => {
  if (geometry === "rect" || geometry === "ellipse")
    return `<a:prstGeom prst="${geometry}"><a:avLst/></a:prstGeom>`
  if (geometry === "round") {
    const radius = Math.round((0.09 / Math.min(area.w, area.h)) * 100_000)
    return `<a:prstGeom prst="roundRect"><a:avLst><a:gd name="adj" fmla="val ${Math.min(radius, 50_000)}"/></a:avLst></a:prstGeom>`
  }
  const { center, from, start } = quarters[geometry]
  const [w, h] = [emu(area.w), emu(area.h)]
  const point = ([x, y]: readonly [number, number]) => `<a:pt x="${x * w}" y="${y * h}"/>`
  return `<a:custGeom><a:avLst/><a:gdLst/><a:ahLst/><a:cxnLst/><a:rect l="0" t="0" r="r" b="b"/><a:pathLst><a:path w="${w}" h="${h}"><a:moveTo>${point(center)}</a:moveTo><a:lnTo>${point(from)}</a:lnTo><a:arcTo wR="${w}" hR="${h}" stAng="${start * 60_000}" swAng="5400000"/><a:close/></a:path></a:pathLst></a:custGeom>`
}

/** Says to screen readers that there is nothing to read. */
const decorative =
  '<a:extLst><a:ext uri="{C183D7F6-B498-43B3-948B-1728B52AA6E4}"><adec:decorative xmlns:adec="http://schemas.microsoft.com/office/drawing/2017/decorative" val="1"/></a:ext></a:extLst>'

const placeholderXml = (placeholder: Placeholder | undefined) => {
  if (placeholder === undefined) return "<p:nvPr/>"
  const { index, type } = placeholder
  const small = type === "ftr" || type === "sldNum" ? "quarter" : undefined
  return `<p:nvPr><p:ph${attributes({ type, sz: small, idx: index })}/></p:nvPr>`
}

const textXml = (item: Item & { readonly kind: "text" }, id: number) => {
  const { area, fill, font, name, paragraphs, placeholder, style } = item
  const locks =
    placeholder === undefined ? '<p:cNvSpPr txBox="1"/>' : '<p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr>'
  const place = area === undefined ? "" : transform("a:xfrm", area)
  const shape = placeholder === undefined ? '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>' : ""
  const paint = fill === undefined ? "" : solid(fill)
  const list =
    style === undefined
      ? "<a:lstStyle/>"
      : `<a:lstStyle>${paragraphProperties("a:lvl1pPr", style, style.size ?? 18, runProperties("a:defRPr", style, font, style.tracking))}</a:lstStyle>`
  const content =
    placeholder?.type === "sldNum"
      ? '<a:p><a:fld id="{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}" type="slidenum"><a:rPr dirty="0"/><a:t>‹#›</a:t></a:fld><a:endParaRPr dirty="0"/></a:p>'
      : paragraphs.map((each) => paragraphXml(each, style === undefined ? font : undefined)).join("")
  const frame = area === undefined && placeholder !== undefined ? "<a:bodyPr/>" : body(item)
  return `<p:sp><p:nvSpPr><p:cNvPr id="${id}" name="${escape(name)}"/>${locks}${placeholderXml(placeholder)}</p:nvSpPr><p:spPr>${place}${shape}${paint}</p:spPr><p:txBody>${frame}${list}${content === "" ? "<a:p><a:endParaRPr/></a:p>" : content}</p:txBody></p:sp>`
}

const tableXml = (item: Item & { readonly kind: "table" }, id: number) => {
  const { alt, area, colors, heights, name, rows, size, widths } = item
  const edge = (side: string, color?: Color) =>
    color === undefined
      ? `<a:${side} w="0"><a:noFill/></a:${side}>`
      : `<a:${side} w="9525" cap="flat" cmpd="sng" algn="ctr">${solid(color)}<a:prstDash val="solid"/></a:${side}>`
  const cell = ({ align, runs }: Cell, head: boolean) => {
    const text = paragraphXml(
      { runs, size, align, bold: head, color: head ? colors.onHead : colors.ink, spacing: 1 },
      undefined
    )
    const line = head ? undefined : colors.line
    const paint = head ? solid(colors.head) : "<a:noFill/>"
    return `<a:tc><a:txBody><a:bodyPr/><a:lstStyle/>${text}</a:txBody><a:tcPr marL="${emu(cellMargin.x)}" marR="${emu(cellMargin.x)}" marT="${emu(cellMargin.y)}" marB="${emu(cellMargin.y)}" anchor="ctr">${edge("lnL")}${edge("lnR")}${edge("lnT")}${edge("lnB", line)}${paint}</a:tcPr></a:tc>`
  }
  const grid = widths.map((width) => `<a:gridCol w="${emu(width)}"/>`).join("")
  const lines = rows
    .map(
      (cells, row) =>
        `<a:tr h="${emu(heights[row] ?? 0)}">${cells.map((each) => cell(each, row === 0)).join("")}</a:tr>`
    )
    .join("")
  return `<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="${id}" name="${escape(name)}" descr="${escape(alt)}"/><p:cNvGraphicFramePr><a:graphicFrameLocks noGrp="1"/></p:cNvGraphicFramePr><p:nvPr/></p:nvGraphicFramePr>${transform("p:xfrm", area)}<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/table"><a:tbl><a:tblPr firstRow="1"/><a:tblGrid>${grid}</a:tblGrid>${lines}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>`
}

const itemXml = (item: Item, id: number): string => {
  switch (item.kind) {
    case "text":
      return textXml(item, id)
    case "table":
      return tableXml(item, id)
    case "shape":
      return `<p:sp><p:nvSpPr><p:cNvPr id="${id}" name="${escape(item.name)}">${decorative}</p:cNvPr><p:cNvSpPr/><p:nvPr userDrawn="1"/></p:nvSpPr><p:spPr>${transform("a:xfrm", item.area)}${geometryXml(item.geometry ?? "rect", item.area)}${solid(item.fill)}<a:ln><a:noFill/></a:ln></p:spPr><p:txBody><a:bodyPr rtlCol="0" anchor="ctr"/><a:lstStyle/><a:p><a:endParaRPr/></a:p></p:txBody></p:sp>`
    case "picture":
      return `<p:pic><p:nvPicPr><p:cNvPr id="${id}" name="${escape(item.name)}" descr="${escape(item.alt)}"/><p:cNvPicPr><a:picLocks noChangeAspect="1"/></p:cNvPicPr><p:nvPr/></p:nvPicPr><p:blipFill><a:blip r:embed="${item.relation}"/><a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr>${transform("a:xfrm", item.area)}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr></p:pic>`
    case "chart":
      return `<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="${id}" name="${escape(item.name)}" descr="${escape(item.alt)}"/><p:cNvGraphicFramePr><a:graphicFrameLocks noGrp="1"/></p:cNvGraphicFramePr><p:nvPr/></p:nvGraphicFramePr>${transform("p:xfrm", item.area)}<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" r:id="${item.relation}"/></a:graphicData></a:graphic></p:graphicFrame>`
  }
}

/** The tree of a page's shapes, in reading order. */
export const shapeTree = (items: ReadonlyArray<Item>): string =>
  `<p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="0" cy="0"/><a:chOff x="0" y="0"/><a:chExt cx="0" cy="0"/></a:xfrm></p:grpSpPr>${items.map((item, index) => itemXml(item, index + 2)).join("")}</p:spTree>`
