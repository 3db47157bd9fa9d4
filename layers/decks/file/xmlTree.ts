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

/** Values of attributes and text are kept as they are written, escaped. */
export class Element {
  readonly name: string
  attributes: Attributes
  children: Array<Element>
  text = ""

  constructor(name: string, attributes: Attributes = {}, children: ReadonlyArray<Element> = []) {
    this.name = name
    this.attributes = attributes
    this.children = [...children]
  }

  child(name: string): Element | undefined {
    return this.children.find((each) => each.name === name)
  }

  /** Every descendant of these names, in document order. */
  all(...names: ReadonlyArray<string>): ReadonlyArray<Element> {
    const found: Array<Element> = []
    const walk = ({ children }: Element): void => {
      for (const each of children) {
        if (names.includes(each.name)) found.push(each)
        walk(each)
      }
    }
    walk(this)
    return found
  }

  remove(...names: ReadonlyArray<string>): void {
    this.children = this.children.filter((each) => !names.includes(each.name))
  }

  /** Takes the place of the child of the same name, or is added at the index. */
  put(element: Element, index = this.children.length): void {
    const at = this.children.findIndex((each) => each.name === element.name)
    this.children.splice(at < 0 ? index : at, at < 0 ? 0 : 1, element)
  }

  toString(): string {
    let attributes = ""
    for (const [name, value] of Object.entries(this.attributes))
      if (value !== undefined) attributes += ` ${name}="${value}"`
    const content = this.children.length > 0 ? this.children.join("") : this.text
    return content === ""
      ? `<${this.name}${attributes}/>`
      : `<${this.name}${attributes}>${content}</${this.name}>`
  }
}

/** Elements from a literal of our own. */
export const elements = (xml: string): ReadonlyArray<Element> => {
  const root = new Element("")
  const open = [root]
  for (const [, closing, name = "", attributes = "", empty, text] of xml.matchAll(
    /<(?:\?[^>]*\?|(\/?)([\w:]+)((?:\s+[\w:]+\s*=\s*"[^"]*")*)\s*(\/?))>|([^<]+)/g
  )) {
    const parent = open.at(-1) ?? root
    if (text !== undefined) {
      if (text.trim() !== "" || /^(?:a:t|c:v|t)$/.test(parent.name)) parent.text += text
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

export const parse = (xml: string): Element => elements(xml)[0] ?? new Element("")
