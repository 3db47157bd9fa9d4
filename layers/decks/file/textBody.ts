/** Text as DrawingML: paragraphs that say what their placeholder does not say already. */
import { indents, levelIndent, type Paragraph, type Style, type TextItem } from "../page/Item.ts"
import { languageOf, startsRightToLeft, type Languages } from "../page/direction.ts"
import type { Color } from "../Theme.ts"
import { attributesXml, escape, type Attributes } from "./xmlTree.ts"

/** EMU of a point. */
const point = 12_700

const colorXml = (color: Color): string => {
  const [value = "", opacity] = color.split("/")
  const name = /^[0-9A-F]{6}$/.test(value) ? "a:srgbClr" : "a:schemeClr"
  return opacity === undefined
    ? `<${name} val="${value}"/>`
    : `<${name} val="${value}"><a:alpha val="${Number(opacity) * 1000}"/></${name}>`
}
export const fillXml = (color: Color) => `<a:solidFill>${colorXml(color)}</a:solidFill>`

/** Fonts of the theme for every script. */
const fontXml = (font: TextItem["font"]): string => {
  if (font === "mono") return '<a:latin typeface="Courier New"/><a:cs typeface="Courier New"/>'
  const kind = font === "head" ? "mj" : "mn"
  return `<a:latin typeface="+${kind}-lt"/><a:ea typeface="+${kind}-ea"/><a:cs typeface="+${kind}-cs"/>`
}

const bulletXml = ({ bullet, mark = "accent1", number }: Style): string => {
  if (bullet === undefined) return "<a:buNone/>"
  const start = attributesXml({ startAt: number === 1 ? undefined : number })
  const form =
    bullet === "number"
      ? `<a:buFont typeface="+mj-lt"/><a:buAutoNum type="arabicPeriod"${start}/>`
      : `<a:buFont typeface="Arial"/><a:buChar char="${bullet === "tick" ? "\u25aa" : "\u2013"}"/>`
  return `<a:buClr>${colorXml(mark)}</a:buClr>${form}`
}

const fontAttributes = ({ bold, size }: Style): Attributes => ({
  sz: size === undefined ? undefined : Math.round(size * 100),
  b: bold === undefined ? undefined : Number(bold)
})

/** Properties of a paragraph or of a level of a list: `size` is that of the text, from which indents follow. */
const propertiesXml = (name: string, style: Style, size: number, content = ""): string => {
  const { align, before = 0, bullet, level = 0, spacing } = style
  const indent = bullet === undefined ? 0 : indents[bullet] * size * point
  const attributes = attributesXml({
    rtl: style.rtl === true ? 1 : undefined,
    algn: align,
    marL: Math.round(indent + (bullet === undefined ? 0 : level * levelIndent * size * point)),
    lvl: level === 0 || content !== "" ? undefined : level,
    indent: indent === 0 ? 0 : -Math.round(indent)
  })
  const line =
    spacing === undefined ? "" : `<a:lnSpc><a:spcPct val="${Math.round(spacing * 100_000)}"/></a:lnSpc>`
  const space = `<a:spcBef><a:spcPts val="${Math.round(before * 100)}"/></a:spcBef>`
  return `<${name}${attributes}>${line}${space}${bulletXml(style)}${content}</${name}>`
}

/** What the first level of a list style says. */
export const levelXml = (style: Style, font: TextItem["font"], number = 1): string => {
  const attributes = attributesXml(fontAttributes(style))
  const content = `<a:defRPr${attributes}>${fillXml(style.color ?? "tx1")}${fontXml(font)}</a:defRPr>`
  return propertiesXml(`a:lvl${number}pPr`, style, style.size ?? 18, content)
}

export interface TextContext {
  readonly languages: Languages
  /** What the placeholder of the layout says; absent: the text is in no placeholder. */
  readonly inherited?: Style | undefined
  readonly font?: TextItem["font"]
}

/** Numbers with their signs run from left to right everywhere. */
const directed = (paragraph: Paragraph, text: string): Paragraph => {
  const { align, rtl: given, ...rest } = paragraph
  const rtl = given ?? startsRightToLeft(text)
  const backwards = rtl && (text === "" || /\p{L}/u.test(text))
  const side = align ?? (backwards ? "r" : undefined)
  return { ...rest, ...(side !== undefined && { align: side }), ...(backwards && { rtl: true }) }
}

export const paragraphXml = (given: Paragraph, { font, inherited, languages }: TextContext): string => {
  const text = given.runs.map((run) => run.text).join("")
  const paragraph = directed(given, text)
  const { bold, color, size } = paragraph
  const own = {
    ...(size !== undefined && size !== inherited?.size && { size }),
    ...(bold !== undefined && bold !== (inherited && (inherited.bold ?? false)) && { bold })
  }
  const fill = color === undefined || color === inherited?.color ? "" : fillXml(color)
  const fonts = inherited === undefined ? fontXml(font) : ""
  const runs = paragraph.runs
    .filter((run) => run.text !== "")
    .map((run) => {
      const attributes = {
        lang: languageOf(run.text, languages),
        ...fontAttributes({ ...own, ...run }),
        dirty: 0
      }
      return `<a:r><a:rPr${attributesXml(attributes)}>${fill}${fonts}</a:rPr><a:t>${escape(run.text)}</a:t></a:r>`
    })
  const end = attributesXml({ lang: languageOf(text, languages), ...fontAttributes(own), dirty: 0 })
  return `<a:p>${propertiesXml("a:pPr", paragraph, size ?? 18)}${runs.join("")}<a:endParaRPr${end}/></a:p>`
}
