/** XML as a tree: reads the documents that pptxgenjs writes, and writes them without white space between elements. */

/** XML 1.0, section 2.2, `Char`. */
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g
const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

/** Text without the characters that XML does not allow. Line breaks become spaces. */
export const plain = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replace(forbidden, "")

export const escape = (text: string): string =>
  plain(text).replace(/[&<>"]/g, (character) => entities[character] ?? "")

export type Attributes = Record<string, string | number | undefined>

export const attributesXml = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([name, value]) => (value === undefined ? "" : ` ${name}="${value}"`))
    .join("")

/** Values of attributes and text are kept as they are written, escaped. */
export class Element {
  readonly name: string
  attributes: Attributes
  children: Array<Element> = []
  text = ""

  constructor(name: string, attributes: Attributes = {}) {
    this.name = name
    this.attributes = attributes
  }

  /** Every descendant of that name, in document order. */
  all(name: string, found: Array<Element> = []): ReadonlyArray<Element> {
    for (const each of this.children) {
      if (each.name === name) found.push(each)
      each.all(name, found)
    }
    return found
  }

  fill(xml: string): void {
    this.children = [...elements(xml)]
  }

  toString(): string {
    const start = `<${this.name}${attributesXml(this.attributes)}`
    const content = this.children.length > 0 ? this.children.join("") : this.text
    return content === "" ? `${start}/>` : `${start}>${content}</${this.name}>`
  }
}

/** Elements of a document of pptxgenjs or of a literal of ours: no comments, sections or quotes other than `"`. */
export const elements = (xml: string): ReadonlyArray<Element> => {
  const root = new Element("")
  const open = [root]
  for (const [, closing, name = "", attributes = "", empty, text] of xml.matchAll(
    /<(?:\?[^>]*\?|(\/?)([\w:]+)((?:\s+[\w:]+\s*=\s*"[^"]*")*)\s*(\/?))>|([^<]+)/g
  )) {
    const parent = open.at(-1) ?? root
    if (text !== undefined) {
      if (text.trim() !== "" || /^(?:a:t|c:v)$/.test(parent.name)) parent.text += text
    } else if (closing === "/") open.pop()
    else if (name !== "") {
      const element = new Element(name)
      for (const [, key = "", value = ""] of attributes.matchAll(/([\w:]+)\s*=\s*"([^"]*)"/g))
        element.attributes[key] = value
      parent.children.push(element)
      if (empty !== "/") open.push(element)
    }
  }
  return root.children
}
