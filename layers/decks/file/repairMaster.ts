/** Repairs the slide master and the theme: what new slides look like, and what the colours of a deck are called. */
import type { Palette } from "../Theme.ts"
import { relsOf, type DrawnDeck, type Parts } from "./packageParts.ts"
import { colorXml } from "./repairShapes.ts"
import { Element, elements, escape } from "./xmlTree.ts"

/** The master is drawn as a layout, for pptxgenjs draws nothing on a master; its own first layout is empty. */
export const repairMaster = (parts: Parts, { layouts, palette }: DrawnDeck): void => {
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
export const repairTheme = (theme: Element, { accents, colors, dark }: Palette, name: string): void => {
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
