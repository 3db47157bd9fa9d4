/** Reads presentations as strictly as PowerPoint does: parts, types, relationships, and what must be in a page. */
import { posix } from "node:path"
import { unzip } from "./zip.ts"

const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes)

/** What is wrong with a document's tags, or nothing. */
const malformed = (xml: string): string | undefined => {
  const open: Array<string> = []
  const rest = xml.replace(/^<\?xml [^>]*\?>\s*/, "")
  let at = 0
  for (const found of rest.matchAll(/<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>/g)) {
    const between = rest.slice(at, found.index)
    if (/[<>]/.test(between)) return `a stray bracket in ${between.slice(0, 60)}`
    if (/&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)/.test(between + found[0])) return "a bare &"
    if (open.length === 0 && between.trim() !== "") return "text outside the root"
    at = found.index + found[0].length
    const [, closing, name = "", attributes = "", empty] = found
    const names = [...attributes.matchAll(/([\w:.-]+)="/g)].map(([, each]) => each)
    if (new Set(names).size !== names.length) return `an attribute twice in ${found[0]}`
    if (closing === "/") {
      if (open.pop() !== name) return `</${name}> closes nothing`
    } else if (empty !== "/") open.push(name)
  }
  return open.length > 0 || rest.slice(at).trim() !== "" ? "it does not end" : undefined
}

const all = (xml: string, pattern: RegExp) => [...xml.matchAll(pattern)].map(([, first = ""]) => first)
const decoded = (escaped: string) =>
  escaped
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&")

/** The text of each paragraph. */
export const paragraphs = (xml: string): ReadonlyArray<string> =>
  all(xml, /<a:p>(.*?)<\/a:p>/gs)
    .map((paragraph) => decoded(all(paragraph, /<a:t>([^<]*)<\/a:t>/g).join("")))
    .filter((line) => line !== "")

interface Relation {
  readonly id: string
  readonly type: string
  readonly target: string
}

const relations = (xml: string): ReadonlyArray<Relation> =>
  [...xml.matchAll(/<Relationship Id="([^"]*)" Type="([^"]*)" Target="([^"]*)"\/>/g)].map(
    ([, id = "", type = "", target = ""]) => ({ id, type: type.split("/").at(-1) ?? "", target })
  )

export interface Presentation {
  readonly parts: ReadonlyMap<string, string>
  readonly slides: ReadonlyArray<{
    readonly text: ReadonlyArray<string>
    readonly notes: ReadonlyArray<string>
    readonly title: string
    readonly layout: string
    readonly xml: string
  }>
  readonly problems: ReadonlyArray<string>
}

/** Elements that only the parts of these folders may lack a relationship to. */
const roots = new Set(["[Content_Types].xml", "_rels/.rels"])

export const read = async (bytes: Uint8Array<ArrayBuffer>): Promise<Presentation> => {
  const { files, problems: damage } = await unzip(bytes)
  const problems = [...damage]
  const parts = new Map<string, string>()
  for (const [name, data] of files) {
    if (!/\.(?:xml|rels)$/.test(name)) continue
    const xml = text(data)
    parts.set(name, xml)
    const wrong = malformed(xml)
    if (wrong !== undefined) problems.push(`${name}: ${wrong}`)
    if (
      /\b(?:NaN|undefined|Infinity)\b/.test(
        xml.replace(/<a:t>[^<]*<\/a:t>|<c:v>[^<]*<\/c:v>|descr="[^"]*"/g, "")
      )
    )
      problems.push(`${name}: a value is NaN, undefined or Infinity`)
  }
  const part = (name: string) => parts.get(name) ?? ""

  // Types: one for every part, none for what is not there.
  const types = part("[Content_Types].xml")
  const overrides = all(types, /<Override PartName="\/([^"]+)"/g)
  const defaults = all(types, /<Default Extension="([^"]+)"/g)
  for (const name of overrides) if (!files.has(name)) problems.push(`a type for ${name}, which is not there`)
  for (const name of defaults) {
    if (![...files.keys()].some((file) => file.endsWith(`.${name}`)))
      problems.push(`a type for .${name}, of which there is none`)
  }
  if (new Set(overrides).size !== overrides.length) problems.push("a type is given twice")
  if (/image\/jpg/.test(types)) problems.push("image/jpg is no media type")
  for (const name of files.keys()) {
    const extension = name.split(".").at(-1) ?? ""
    if (name === "[Content_Types].xml" || overrides.includes(name)) continue
    if (!defaults.includes(extension)) problems.push(`${name} has no type`)
    else if (extension === "xml") problems.push(`${name} has no type of its own`)
  }

  // Relationships: each leads to a part, is used where it must be, and each part is led to.
  const reached = new Set(roots)
  const of = new Map<string, ReadonlyArray<Relation>>()
  for (const [name, xml] of parts) {
    if (!name.endsWith(".rels")) continue
    const source = name.replace("_rels/", "").replace(/\.rels$/, "")
    const found = relations(xml)
    of.set(source, found)
    if (source !== "" && !files.has(source)) problems.push(`${name} belongs to nothing`)
    reached.add(name)
    const ids = found.map(({ id }) => id)
    if (new Set(ids).size !== ids.length) problems.push(`${name}: an id twice`)
    for (const { target } of found) {
      const path = posix.normalize(posix.join(posix.dirname(source), target))
      if (!files.has(path)) problems.push(`${name}: ${target} is not there`)
      reached.add(path)
    }
    if (source === "") continue
    const used = new Set(all(part(source), /\br:(?:id|embed|link|pict)="([^"]+)"/g))
    for (const id of used) if (!ids.includes(id)) problems.push(`${source}: ${id} leads nowhere`)
    for (const { id, type } of found) {
      if (
        /^(?:image|chart|package|slide|slideMaster|notesMaster)$/.test(type) &&
        !used.has(id) &&
        /presentation\.xml$|slides\/|charts\//.test(source)
      )
        problems.push(`${source}: ${id} (${type}) is not used`)
    }
  }
  for (const name of files.keys()) if (!reached.has(name)) problems.push(`nothing leads to ${name}`)

  const placeholders = (xml: string) =>
    all(xml, /<p:ph( [^>]*)\/>/g).map(
      (given) => `${/type="(\w+)"/.exec(given)?.[1] ?? "obj"}:${/idx="(\d+)"/.exec(given)?.[1] ?? "0"}`
    )
  const target = (source: string, type: string) => {
    const found = (of.get(source) ?? []).find((each) => each.type === type)
    return found === undefined ? "" : posix.normalize(posix.join(posix.dirname(source), found.target))
  }

  for (const [name, xml] of parts) {
    if (!/^ppt\/(?:slides|slideLayouts|slideMasters|notesSlides|notesMasters)\/[^/]+\.xml$/.test(name))
      continue
    const ids = all(xml, /<p:cNvPr id="(\d+)"/g)
    if (new Set(ids).size !== ids.length) problems.push(`${name}: a shape's id twice`)
    for (const shape of all(xml, /<p:sp>(.*?)<\/p:sp>/gs)) {
      if (!/type="sldImg"/.test(shape) && !shape.includes("<p:txBody>"))
        problems.push(`${name}: a shape without text body`)
    }
    if (/<p:bgPr>(?:(?!<\/p:bgPr>).)*<\/a:solidFill><\/p:bgPr>/s.test(xml))
      problems.push(`${name}: a background without effects`)
    for (const paragraph of all(xml, /<a:p>(.*?)<\/a:p>/gs)) {
      if ((paragraph.match(/<a:pPr/g) ?? []).length > 1)
        problems.push(`${name}: two properties of one paragraph`)
    }
    for (const [, kind, properties = ""] of xml.matchAll(/<p:(pic|graphicFrame)>.*?<p:cNvPr ([^>]*)>/gs)) {
      if (!/descr="[^"]+"/.test(properties)) problems.push(`${name}: a ${kind} without alternative text`)
    }
  }

  const order = all(part("ppt/presentation.xml"), /<p:sldId id="\d+" r:id="([^"]+)"/g)
  const slides = order.map((id) => {
    const found = (of.get("ppt/presentation.xml") ?? []).find((each) => each.id === id)
    const name = `ppt/${found?.target ?? ""}`
    const xml = part(name)
    const layout = part(target(name, "slideLayout"))
    const notes = part(target(name, "notesSlide"))
    for (const each of placeholders(xml)) {
      if (!placeholders(layout).includes(each))
        problems.push(`${name}: the layout has no placeholder ${each}`)
    }
    const shape =
      all(xml, /<p:sp>(.*?)<\/p:sp>/gs).find((each) => /type="(?:title|ctrTitle)"/.test(each)) ?? ""
    const title = paragraphs(shape).join(" ")
    const spoken = all(notes, /<p:sp>(.*?)<\/p:sp>/gs).find((each) => /<p:ph type="body"/.test(each)) ?? ""
    if (title === "") problems.push(`${name}: no title`)
    if (notes === "") problems.push(`${name}: no notes`)
    return {
      text: paragraphs(xml),
      notes: paragraphs(spoken),
      title,
      layout: /<p:cSld name="([^"]*)"/.exec(layout)?.[1] ?? "",
      xml
    }
  })
  const titles = slides.map(({ title }) => title)
  if (slides.length === 0) problems.push("no slides")
  return { parts, slides, problems: [...problems, ...(titles.length === 0 ? ["no titles"] : [])] }
}
