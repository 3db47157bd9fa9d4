/** The parts of a presentation that are the same for every deck of a theme: master, layouts, theme, notes master. */
import { page, type Area, type Item } from "../page/Item.ts"
import { emu, shapeTree, solid } from "./drawing.ts"
import type { Frame } from "../page/layouts.ts"
import type { Color, Palette } from "../Theme.ts"
import { declaration, escape } from "./xml.ts"

export const namespaces =
  'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'

export const background = (color: Color) => `<p:bg><p:bgPr>${solid(color)}<a:effectLst/></p:bgPr></p:bg>`

const srgb = (hex: string) => `<a:srgbClr val="${hex}"/>`

/** ECMA-376, 20.1.6: `dk` is always the darker; the master's colour map says which of the two is the background. */
export const themeXml = ({ accents, colors, dark, fonts }: Palette, name: string): string => {
  const [dk1, lt1, dk2, lt2] = dark
    ? [colors.background, colors.ink, colors.surface, colors.muted]
    : [colors.ink, colors.background, colors.muted, colors.surface]
  const named = [
    ["dk1", dk1],
    ["lt1", lt1],
    ["dk2", dk2],
    ["lt2", lt2],
    ...accents.map((color, index) => [`accent${index + 1}`, color] as const),
    ["hlink", colors.accent],
    ["folHlink", colors.muted]
  ] as const
  const scheme = named.map(([tag, color]) => `<a:${tag}>${srgb(color)}</a:${tag}>`).join("")
  const font = (tag: string, face: string) =>
    `<a:${tag}><a:latin typeface="${escape(face)}"/><a:ea typeface=""/><a:cs typeface=""/></a:${tag}>`
  const fill = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
  const line = `<a:ln w="9525">${fill}</a:ln>`
  const effect = "<a:effectStyle><a:effectLst/></a:effectStyle>"
  return `${declaration}<a:theme xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" name="${escape(name)}"><a:themeElements><a:clrScheme name="${escape(name)}">${scheme}</a:clrScheme><a:fontScheme name="${escape(name)}">${font("majorFont", fonts.head)}${font("minorFont", fonts.body)}</a:fontScheme><a:fmtScheme name="${escape(name)}"><a:fillStyleLst>${fill}${fill}${fill}</a:fillStyleLst><a:lnStyleLst>${line}${line}${line}</a:lnStyleLst><a:effectStyleLst>${effect}${effect}${effect}</a:effectStyleLst><a:bgFillStyleLst>${fill}${fill}${fill}</a:bgFillStyleLst></a:fmtScheme></a:themeElements></a:theme>`
}

const map = (dark: boolean) => {
  const [bg1, tx1, bg2, tx2] = dark ? ["dk1", "lt1", "dk2", "lt2"] : ["lt1", "dk1", "lt2", "dk2"]
  return `<p:clrMap bg1="${bg1}" tx1="${tx1}" bg2="${bg2}" tx2="${tx2}" accent1="accent1" accent2="accent2" accent3="accent3" accent4="accent4" accent5="accent5" accent6="accent6" hlink="hlink" folHlink="folHlink"/>`
}

/** Levels of a text style. */
const levels = (count: number, size: number, font: "mj" | "mn", bold: boolean, indent: number) =>
  Array.from({ length: count }, (_, index) => {
    const level = index + 1
    return `<a:lvl${level}pPr marL="${index * indent}" indent="0" algn="l" defTabSz="914400" rtl="0" eaLnBrk="1" latinLnBrk="0" hangingPunct="1"><a:spcBef><a:spcPts val="0"/></a:spcBef><a:buNone/><a:defRPr sz="${size * 100}" b="${Number(bold)}" kern="1200"><a:solidFill><a:schemeClr val="tx1"/></a:solidFill><a:latin typeface="+${font}-lt"/><a:ea typeface="+${font}-ea"/><a:cs typeface="+${font}-cs"/></a:defRPr></a:lvl${level}pPr>`
  }).join("")

export const defaultText = `<p:defaultTextStyle><a:defPPr><a:defRPr lang="en-US"/></a:defPPr>${levels(9, 18, "mn", false, 457_200)}</p:defaultTextStyle>`

/** Where a page's number and footer stand. */
const footArea: Area = { x: 0.75, y: 6.98, w: 8, h: 0.3 }
const numberArea: Area = { x: page.w - 1.55, y: 6.98, w: 0.8, h: 0.3 }

export const footer = (text: string, color: Color, area: Area = footArea, onLayout = false): Item => ({
  kind: "text",
  name: "Footer",
  placeholder: { type: "ftr", index: 10 },
  ...(onLayout && { area, style: { runs: [], size: 11, color, align: "l" as const }, font: "body" as const }),
  anchor: "ctr",
  paragraphs: [{ runs: [{ text }] }]
})

export const pageNumber = (color: Color, onLayout = false): Item => ({
  kind: "text",
  name: "Page number",
  placeholder: { type: "sldNum", index: 11 },
  ...(onLayout && {
    area: numberArea,
    style: { runs: [], size: 11, color, align: "r" as const },
    font: "body" as const
  }),
  anchor: "ctr",
  paragraphs: []
})

export const masterXml = (palette: Palette, layouts: number): string => {
  const ids = Array.from(
    { length: layouts },
    (_, index) => `<p:sldLayoutId id="${2_147_483_649 + index}" r:id="rId${index + 1}"/>`
  ).join("")
  const items: ReadonlyArray<Item> = [
    {
      kind: "text",
      name: "Title",
      placeholder: { type: "title" },
      area: { x: 0.75, y: 0.62, w: page.w - 1.5, h: 1.02 },
      paragraphs: [{ runs: [{ text: "Headline" }] }]
    },
    {
      kind: "text",
      name: "Text",
      placeholder: { type: "body", index: 1 },
      area: { x: 0.75, y: 1.95, w: page.w - 1.5, h: 4.6 },
      paragraphs: [{ runs: [{ text: "Text" }] }]
    },
    footer("", palette.muted, footArea, true),
    pageNumber(palette.muted, true)
  ]
  return `${declaration}<p:sldMaster ${namespaces}><p:cSld>${background("bg1")}${shapeTree(items)}</p:cSld>${map(palette.dark)}<p:sldLayoutIdLst>${ids}</p:sldLayoutIdLst><p:hf hdr="0" dt="0"/><p:txStyles><p:titleStyle>${levels(1, 30, "mj", true, 0)}</p:titleStyle><p:bodyStyle>${levels(9, 20, "mn", false, 342_900)}</p:bodyStyle><p:otherStyle>${levels(9, 18, "mn", false, 457_200)}</p:otherStyle></p:txStyles></p:sldMaster>`
}

export const layoutXml = (frame: Frame, footerText: string, logo: ReadonlyArray<Item>): string => {
  const feet =
    frame.foot === undefined
      ? []
      : [footer(footerText, frame.foot, frame.footArea, true), pageNumber(frame.foot, true)]
  const type = frame.type === undefined ? "" : ` type="${frame.type}"`
  return `${declaration}<p:sldLayout ${namespaces}${type} preserve="1" userDrawn="1"><p:cSld name="${escape(frame.name)}">${background(frame.background)}${shapeTree([...frame.items, ...logo, ...feet])}</p:cSld><p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sldLayout>`
}

const notesShape = (id: number, name: string, type: string, area: Area, index: number, content: string) =>
  `<p:sp><p:nvSpPr><p:cNvPr id="${id}" name="${name}"/><p:cNvSpPr><a:spLocks noGrp="1"${type === "sldImg" ? ' noRot="1" noChangeAspect="1"' : ""}/></p:cNvSpPr><p:nvPr><p:ph type="${type}" idx="${index}"/></p:nvPr></p:nvSpPr><p:spPr><a:xfrm><a:off x="${emu(area.x)}" y="${emu(area.y)}"/><a:ext cx="${emu(area.w)}" cy="${emu(area.h)}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>${type === "sldImg" ? '<a:noFill/><a:ln w="9525"><a:solidFill><a:prstClr val="black"/></a:solidFill></a:ln>' : ""}</p:spPr>${content}</p:sp>`

const emptyTree =
  '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="0" cy="0"/><a:chOff x="0" y="0"/><a:chExt cx="0" cy="0"/></a:xfrm></p:grpSpPr>'

/** Of sheets 7½ × 10 inches; always dark on light, because they are printed. */
export const notesMasterXml = (): string =>
  `${declaration}<p:notesMaster ${namespaces}><p:cSld><p:bg><p:bgPr><a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill><a:effectLst/></p:bgPr></p:bg><p:spTree>${emptyTree}${notesShape(2, "Slide", "sldImg", { x: 0.6, y: 0.7, w: 6.3, h: 3.54 }, 2, "")}${notesShape(3, "Notes", "body", { x: 0.75, y: 4.6, w: 6, h: 4.8 }, 3, "<p:txBody><a:bodyPr/><a:lstStyle/><a:p><a:r><a:t>Notes</a:t></a:r></a:p></p:txBody>")}</p:spTree></p:cSld>${map(false)}<p:notesStyle>${levels(9, 12, "mn", false, 457_200).replaceAll('<a:schemeClr val="tx1"/>', '<a:srgbClr val="1A1A1A"/>')}</p:notesStyle></p:notesMaster>`

export const notesXml = (notes: string): string => {
  const paragraphs = notes
    .split("\n")
    .map((line) => `<a:p><a:r><a:rPr dirty="0"/><a:t>${escape(line)}</a:t></a:r></a:p>`)
    .join("")
  return `${declaration}<p:notes ${namespaces}><p:cSld><p:spTree>${emptyTree}<p:sp><p:nvSpPr><p:cNvPr id="2" name="Slide"/><p:cNvSpPr><a:spLocks noGrp="1" noRot="1" noChangeAspect="1"/></p:cNvSpPr><p:nvPr><p:ph type="sldImg"/></p:nvPr></p:nvSpPr><p:spPr/></p:sp><p:sp><p:nvSpPr><p:cNvPr id="3" name="Notes"/><p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr><p:nvPr><p:ph type="body" idx="1"/></p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:lstStyle/>${paragraphs}</p:txBody></p:sp></p:spTree></p:cSld><p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:notes>`
}
