/** Converts block-level HTML to Markdown: paragraphs, headings, lists, quotations, code and tables. */
import { isNotRendered, type Content } from "./mainContent.ts"
import { codeOf } from "./codeBlock.ts"
import { textOf, type Element, type Node } from "./HtmlDocument.ts"
import { InlineMarkdown, type CharacterBudget, type Style } from "./InlineMarkdown.ts"
import { Links } from "./Links.ts"
import { tableOf } from "./tableGrid.ts"

const blocks: ReadonlySet<string> = new Set(
  "address article aside blockquote caption center dd details dialog dir div dl dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav noscript ol optgroup p pre search section summary table tbody td tfoot th thead tr ul".split(
    " "
  )
)
const lists: ReadonlySet<string> = new Set(["ul", "ol", "menu", "dir"])
/** Maximum indentation of nested lists and quotations. */
const maxIndent = 16

const plain: Style = { separator: "", strong: true, em: true, buttons: false }
const headingStyle: Style = { separator: " ", strong: false, em: true, buttons: true }
const cellStyle: Style = { ...plain, separator: "<br>" }

/** A link around blocks, which Markdown does not support: its first text becomes the link. */
interface Linked {
  readonly href: string
  used: boolean
}

interface Context {
  readonly link: Linked | undefined
  /** Number of surrounding lists and quotations. */
  readonly indent: number
}

const indented = (text: string, by: string) => text.replaceAll(/\n(?=[^\n])/g, `\n${by}`)

/** Without leading and trailing line breaks. */
const trimmed = (cell: string) => {
  let text = cell.trim()
  while (text.endsWith("<br>")) text = text.slice(0, -4).trimEnd()
  while (text.startsWith("<br>")) text = text.slice(4).trimStart()
  return text
}

export class Markdown {
  readonly #content: Content
  readonly #links: Links
  readonly #budget: CharacterBudget
  readonly #inline: InlineMarkdown
  readonly #hasBlocks = new Map<Element, boolean>()

  /** Stops after about `limit` characters. */
  constructor(content: Content, links: Links, limit: number) {
    this.#content = content
    this.#links = links
    this.#budget = { left: limit }
    this.#inline = new InlineMarkdown(content, links, this.#budget, (element) => blocks.has(element.name))
  }

  /** Whether the limit was reached. */
  get cut(): boolean {
    return this.#budget.left <= 0
  }

  render(root: Element): string {
    return this.#flow(root.children, { link: undefined, indent: 0 }).join("\n\n")
  }

  /** An inline element that contains blocks counts as a block. */
  #isBlock(element: Element): boolean {
    if (blocks.has(element.name)) return true
    if (element.name === "svg" || element.name === "math" || element.name === "button") return false
    const known = this.#hasBlocks.get(element)
    if (known !== undefined) return known
    const found = element.children.some((child) => typeof child !== "string" && this.#isBlock(child))
    this.#hasBlocks.set(element, found)
    return found
  }

  /** Blocks, and paragraphs of the inline content between them. */
  #flow(nodes: ReadonlyArray<Node>, context: Context): Array<string> {
    const found: Array<string> = []
    let run: Array<Node> = []
    const flush = () => {
      if (run.length === 0) return
      const text = this.#paragraph(this.#inline.render(run, plain), context)
      if (text !== "") found.push(text)
      run = []
    }
    for (const node of nodes) {
      if (this.cut) break
      if (typeof node === "string" || !this.#isBlock(node)) {
        run.push(node)
      } else if (!this.#content.left.has(node) && !isNotRendered(node, this.#content.noscript)) {
        flush()
        for (const block of this.#block(node, context)) found.push(block)
      }
    }
    flush()
    return found
  }

  #paragraph(text: string, { link }: Context): string {
    const lines = text
      .trim()
      .replace(/^(?=#{1,6}(?:\s|$))/gm, "\\")
      .replace(/ *\n */g, "  \n")
    // A checkbox without a label toggles a menu.
    if (lines === "[ ]" || lines === "[x]") return ""
    if (lines === "" || link === undefined || link.used) return lines
    link.used = true
    return this.#inline.linked(lines, link.href)
  }

  #block(element: Element, context: Context): ReadonlyArray<string> {
    const { attributes, children, name } = element
    const level = /^h([1-6])$/.exec(name)?.[1]
    if (level !== undefined) {
      const text = this.#paragraph(this.#inline.render(children, headingStyle), context).replace(/\s+/g, " ")
      return text === "" ? [] : [`${"#".repeat(Number(level))} ${text}`]
    }
    if (lists.has(name)) return this.#list(element, context)
    if (name === "pre") return codeOf(element, this.#budget)
    if (name === "table") return this.#table(element, context)
    if (name === "hr") return ["---"]
    if (name === "dl") return [this.#definitions(element, context).join("\n")].filter((text) => text !== "")
    if (name === "blockquote") {
      const inner = this.#flow(children, this.#deeper(context)).join("\n\n")
      if (inner === "" || context.indent >= maxIndent) return inner === "" ? [] : [inner]
      return [`> ${inner.replaceAll("\n", "\n> ")}`]
    }
    if (name === "summary" && !children.some((child) => typeof child !== "string" && this.#isBlock(child))) {
      const text = this.#paragraph(this.#inline.render(children, headingStyle), context)
      return text === "" ? [] : [`**${text}**`]
    }
    if (name === "a") {
      const href = this.#links.resolve(attributes["href"])
      return this.#flow(children, href === undefined ? context : { ...context, link: { href, used: false } })
    }
    return this.#flow(children, context)
  }

  #deeper(context: Context): Context {
    return { ...context, indent: context.indent + 1 }
  }

  #list(element: Element, context: Context): ReadonlyArray<string> {
    const { attributes, children, name } = element
    const items = children.filter((child) => typeof child !== "string" || child.trim() !== "")
    const ordered = name === "ol"
    const backwards = attributes["reversed"] !== undefined
    let number = Number.parseInt(attributes["start"] ?? "", 10)
    if (!Number.isSafeInteger(number)) number = backwards ? items.length : 1
    const written: Array<string> = []
    let loose = false
    for (const item of items) {
      if (this.cut) break
      const li = typeof item !== "string" && item.name === "li" ? item : undefined
      if (li !== undefined && this.#content.left.has(li)) continue
      const own = Number.parseInt(li?.attributes["value"] ?? "", 10)
      if (Number.isSafeInteger(own)) number = own
      const marker = ordered ? `${number}. ` : "- "
      if (li !== undefined) number += backwards ? -1 : 1
      const found = this.#flow(li === undefined ? [item] : li.children, this.#deeper(context))
      if (found.length === 0) continue
      const tight = found.length === 1 || (li?.children.every((child) => this.#isTight(child)) ?? true)
      loose ||= !tight
      const text = found.join(tight ? "\n" : "\n\n")
      // Content between items belongs to the item before it.
      const first = li === undefined && written.length > 0 ? " ".repeat(marker.length) : marker
      const indent = context.indent < maxIndent
      written.push(indent ? first + indented(text, " ".repeat(marker.length)) : text)
    }
    return written.length === 0 ? [] : [written.join(loose ? "\n\n" : "\n")]
  }

  /** Whether an item is tight: only text and lists, without empty lines between. */
  #isTight(node: Node): boolean {
    return typeof node === "string" || !this.#isBlock(node) || lists.has(node.name)
  }

  #isLine(element: Element): boolean {
    return !this.#isBlock(element) || !/^(?:dt|dd|div)$/.test(element.name)
  }

  #definitions(element: Element, context: Context): Array<string> {
    const lines: Array<string> = []
    for (const child of element.children) {
      if (this.cut || (typeof child !== "string" && this.#content.left.has(child))) continue
      if (typeof child === "string" || this.#isLine(child)) {
        lines.push(...this.#flow([child], context))
      } else if (child.name === "dt") {
        const text = this.#flow(child.children, context).join(" ").replaceAll("\n", " ")
        if (text !== "")
          lines.push(...(lines.length > 0 && lines.at(-1)?.startsWith(": ") ? ["", text] : [text]))
      } else if (child.name === "dd") {
        const text = this.#flow(child.children, this.#deeper(context)).join("\n\n")
        if (text !== "") lines.push(context.indent >= maxIndent ? text : `: ${indented(text, "  ")}`)
      } else if (!isNotRendered(child, this.#content.noscript)) {
        const inner = this.#definitions(child, context)
        if (inner.length > 0) lines.push(...(lines.length > 0 ? [""] : []), ...inner)
      }
    }
    return lines
  }

  #table(element: Element, context: Context): ReadonlyArray<string> {
    const layout = element.attributes["role"] === "presentation" || element.attributes["role"] === "none"
    const table = layout ? undefined : tableOf(element, (child) => this.#content.left.has(child))
    if (table === undefined || table.cells.some((cell) => this.#isLayout(cell))) {
      return this.#flow(element.children, context)
    }
    const caption = table.caption === undefined ? [] : this.#flow(table.caption.children, context)
    const text = table.render(
      (cell) =>
        trimmed(this.#inline.render(cell.children, cellStyle)).replaceAll("|", "\\|").replaceAll("\n", " "),
      (line) => (this.#budget.left -= line.length) > 0
    )
    return text === "" ? caption : [...caption, text]
  }

  /** Layout cells, which contain blocks instead of a value. */
  #isLayout(cell: Element): boolean {
    return cell.children.some(
      (child) =>
        typeof child !== "string" &&
        (/^(?:table|pre|h[1-6]|blockquote|article|section)$/.test(child.name) ||
          (lists.has(child.name) && textOf(child).length > 400) ||
          (!/^(?:ul|ol)$/.test(child.name) && this.#isLayout(child)))
    )
  }
}
