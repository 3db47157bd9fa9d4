/** Converts inline HTML to Markdown: collapsed white space, links, emphasis, code, images and formulas. */
import { isNotRendered, type Content } from "./mainContent.ts"
import { textOf, type Element, type Node } from "./HtmlDocument.ts"
import { formulaOf } from "./formula.ts"
import type { Links } from "./Links.ts"

/** Remaining characters; rendering stops at 0. */
export interface CharacterBudget {
  left: number
}

/** Rendering context of a text. */
export interface Style {
  /** Separator of blocks on one line: a space in headings, `<br>` in table cells. */
  readonly separator: string
  /** Whether emphasis is allowed: not bold in headings, and not nested in the same kind. */
  readonly strong: boolean
  readonly em: boolean
  /** Whether short labels of buttons are shown: in headings, where they are the heading. */
  readonly buttons: boolean
}

const marks: Readonly<Record<string, string>> = { del: "~~", s: "~~", strike: "~~" }
const code = /^(?:code|kbd|samp|tt)$/
/** Shorter labels of buttons outside headings are dropped: copy, share, close. */
const shortLabel = 20
/** Superscripts that form one word with the text before them. */
const suffix = /^(?:st|nd|rd|th|er|ers|re|e|o|a|º|ª|™|®|©|tm|sm|r)$/i
/** Labels of permalinks and skip links, which are dropped. */
const sign = /^[¶#§🔗\s]*$/u
const permalink = /^(?:link to this|permalink|direct link)/i
const skipLink = /^skip to\b/i

/** Escapes Markdown syntax, and `<` before a letter, which would be a tag. */
const escape = (text: string) =>
  /[\\`*_<]/.test(text)
    ? text.replace(
        /\\(?=[!-/:-@[-`{-~])|`|\*(?=\S)|(?<=\S)\*|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|<(?=[a-z/!?])/giu,
        "\\$&"
      )
    : text

/** A code span (CommonMark, section 6.1), with more backticks than the longest run within it. */
const codeSpan = (text: string) => {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).slice(0, 1000).map(({ length }) => length))
  const fence = "`".repeat(longest + 1)
  return longest > 0 ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`
}

const collapse = (text: string) => text.replace(/[ \t\n\r\f\u00a0]+/g, " ")

/** Wraps a text in marks, with its outer white space outside of them: Markdown takes `** a **` literally. */
const wrap = (text: string, before: string, after: string) => {
  const inner = text.trim()
  if (inner === "") return text
  return `${/^\s/.test(text) ? " " : ""}${before}${inner}${after}${/\s$/.test(text) ? " " : ""}`
}

/** Joins texts and collapses white space between them. */
class Line {
  readonly #pieces: Array<string> = []
  /** The last character written was white space. */
  #atSpace: boolean
  #last = ""

  constructor(atSpace: boolean) {
    this.#atSpace = atSpace
  }

  get text() {
    return this.#pieces.join("")
  }

  /** The last text written; empty at the start. */
  get last() {
    return this.#last
  }

  add(piece: string) {
    const added = this.#atSpace && piece.startsWith(" ") ? piece.trimStart() : piece
    if (added === "") return
    this.#pieces.push(added)
    this.#last = added
    this.#atSpace = added.endsWith(" ") || added.endsWith("\n")
  }

  break() {
    this.add("\n")
    this.#atSpace = true
  }
}

export class InlineMarkdown {
  readonly #content: Content
  readonly #links: Links
  readonly #budget: CharacterBudget
  readonly #isBlock: (element: Element) => boolean

  constructor(
    content: Content,
    links: Links,
    budget: CharacterBudget,
    isBlock: (element: Element) => boolean
  ) {
    this.#content = content
    this.#links = links
    this.#budget = budget
    this.#isBlock = isBlock
  }

  /** Renders nodes as one text, with line breaks of `<br>`. */
  render(nodes: ReadonlyArray<Node>, style: Style, atSpace = true): string {
    const line = new Line(atSpace)
    for (const node of nodes) this.#node(node, style, line)
    return line.text
  }

  /** The text, truncated to the budget. */
  #take(text: string) {
    const taken = text.slice(0, Math.max(0, this.#budget.left))
    this.#budget.left -= text.length
    return taken
  }

  #node(node: Node, style: Style, line: Line): void {
    if (this.#budget.left <= 0) return
    if (typeof node === "string") return line.add(escape(this.#take(collapse(node).replaceAll("\u00ad", ""))))
    if (this.#content.left.has(node) || isNotRendered(node, this.#content.noscript))
      return this.#embedded(node, line)
    const { attributes, children, name } = node
    if (name === "br") return style.separator === "" ? line.break() : line.add(style.separator)
    if (name === "a") return line.add(this.#link(node, style))
    if (name === "img") return line.add(this.#take(this.#image(node)))
    if (name === "strong" || name === "b") {
      const inner = this.render(children, { ...style, strong: false }, false)
      return line.add(style.strong ? wrap(inner, "**", "**") : inner)
    }
    if (name === "em" || name === "i" || name === "cite" || name === "dfn") {
      const inner = this.render(children, { ...style, em: false }, false)
      return line.add(style.em ? wrap(inner, "*", "*") : inner)
    }
    if (code.test(name)) return line.add(this.#code(node))
    const mark = Object.hasOwn(marks, name) ? marks[name] : undefined
    if (mark !== undefined) return line.add(wrap(this.render(children, style, false), mark, mark))
    if (name === "q") return line.add(wrap(this.render(children, style, false), "“", "”"))
    if (name === "sup" || name === "sub") return line.add(this.#script(node, style, line))
    if (name === "rt") return line.add(wrap(this.render(children, style, false), "(", ")"))
    if (name === "math" || name === "script") return line.add(this.#take(formulaOf(node)))
    if (name === "svg") return line.add(this.#drawing(node))
    if (name === "input") {
      if (attributes["type"]?.toLowerCase() !== "checkbox") return
      return line.add(attributes["checked"] === undefined ? "[ ] " : "[x] ")
    }
    if (name === "button" && !style.buttons && this.#content.shown > 200) {
      if (textOf(node).trim().length <= shortLabel) return
    }
    if (name === "frame" || name === "embed") return this.#embedded(node, line)
    if (this.#isBlock(node)) {
      const inner = this.render(children, style)
      if (inner.trim() === "") return
      const separated = line.last !== "" && !line.last.endsWith("<br>")
      line.add(separated ? `${style.separator === "" ? " " : style.separator}${inner.trimStart()}` : inner)
      return line.add(" ")
    }
    for (const child of children) this.#node(child, style, line)
  }

  #link(element: Element, style: Style): string {
    const { attributes, children } = element
    const inner = this.render(children, { ...style, separator: " " }, false)
    const label = inner.trim()
    const aid = sign.test(label) || (style.buttons && permalink.test(label)) || skipLink.test(label)
    if (aid && attributes["href"]?.includes("#") === true) return ""
    const href = this.#links.resolve(attributes["href"])
    const text = label === "" ? (attributes["aria-label"] ?? attributes["title"] ?? "").slice(0, 200) : inner
    return href === undefined ? text : this.linked(text, href)
  }

  /** `[text](href)`; the text alone if it is empty. */
  linked(text: string, href: string): string {
    if (text.trim() === "") return text
    this.#budget.left -= href.length
    return wrap(text.replaceAll("\n", " "), "[", `](${href})`)
  }

  #image({ attributes }: Element): string {
    const alt = collapse(attributes["alt"] ?? "")
      .trim()
      .slice(0, 1000)
    if (/(?:^|[\s_-])(?:tex|latex|math)(?:$|[\s_-])/i.test(attributes["class"] ?? "") && alt !== "")
      return `$${alt}$`
    const one = (size: string | undefined) => size === "1" || size === "0"
    if (one(attributes["width"]) || one(attributes["height"])) return ""
    const src = this.#links.image(attributes["src"]) ?? this.#links.image(attributes["data-src"])
    return src === undefined ? escape(alt) : `![${alt.replace(/[[\]]/g, "\\$&")}](${src})`
  }

  #code(element: Element): string {
    const [only, ...more] = element.children.filter(
      (child) => typeof child !== "string" || child.trim() !== ""
    )
    if (typeof only === "object" && only.name === "a" && more.length === 0) {
      const href = this.#links.resolve(only.attributes["href"])
      const inner = this.#code({ ...only, name: "code" })
      return href === undefined ? inner : this.linked(inner, href)
    }
    const text = this.#take(collapse(textOf(element)).trim())
    return text === "" ? "" : codeSpan(text)
  }

  /** Superscript and subscript: without a mark, `10²` would become `102`. */
  #script({ children, name }: Element, style: Style, line: Line): string {
    const inner = this.render(children, style, false)
    const text = inner.trim()
    if (text === "" || text.includes("](") || suffix.test(text)) return inner
    if (name === "sub" && /^\d+$/.test(text) && !/\d$/.test(line.last)) return inner
    const mark = name === "sup" ? "^" : "_"
    return wrap(
      inner,
      /^[\p{L}\p{N}]+$/u.test(text) ? mark : `${mark}(`,
      /^[\p{L}\p{N}]+$/u.test(text) ? "" : ")"
    )
  }

  /** Text labels of an SVG. */
  #drawing(svg: Element): string {
    const labels: Array<string> = []
    const visit = (element: Element): void => {
      for (const child of element.children) {
        if (typeof child === "string" || labels.length >= 500) continue
        if (child.name === "text" || child.name === "foreignobject")
          labels.push(collapse(textOf(child)).trim())
        else visit(child)
      }
    }
    visit(svg)
    const text = labels.filter((label) => label !== "").join(" ")
    return text === "" ? "" : ` ${this.#take(escape(text))} `
  }

  /** Frames and media as links to their source. */
  #embedded(element: Element, line: Line): void {
    const { attributes, children, name } = element
    if (!/^(?:iframe|frame|video|audio|embed)$/.test(name) || this.#content.left.has(element)) return
    const source = children.find((child) => typeof child !== "string" && child.name === "source")
    const src =
      this.#links.resolve(attributes["src"] ?? attributes["data-src"]) ??
      (typeof source === "object" ? this.#links.resolve(source.attributes["src"]) : undefined)
    if (src === undefined) return
    const kind = name === "video" || name === "audio" ? name : "frame"
    line.add(this.linked(attributes["title"] ?? attributes["name"] ?? kind, src))
  }
}
