/** HTML parser: a tree bounded in nodes and depth, with the metadata of the head. */
import { scan, type Attributes } from "./htmlTokens.ts"

export interface Element {
  readonly name: string
  readonly attributes: Attributes
  readonly children: Array<Node>
}
export type Node = Element | string

/** A `<meta http-equiv="refresh">`: browsers load `url` after `seconds`. */
export interface Refresh {
  readonly seconds: number
  readonly url: string
}

export interface HtmlDocument {
  readonly root: Element
  readonly title: string
  /** `content` of `<meta>` elements by lower-case name or property. */
  readonly meta: ReadonlyMap<string, string>
  /** Of `<base href>`. */
  readonly base: string | undefined
  readonly refresh: Refresh | undefined
  /** The same within `<noscript>`, for browsers without scripts. */
  readonly refreshWithoutScripts: Refresh | undefined
  /** Scripts, inline or linked. */
  readonly scripts: number
  /** The limit of nodes was reached; the rest is missing. */
  readonly cut: boolean
}

/** Tags of deeper elements are ignored. Real pages stay below 100. */
const maxDepth = 256
const maxMeta = 200

const set = (names: string): ReadonlySet<string> => new Set(names.split(" "))

const voids = set("area base br col embed frame hr img input link meta param source track wbr")
/** Formatting elements: their end tag does not end blocks within them. */
const inline = set(
  "a abbr b bdi bdo big cite code del dfn em font i ins kbd label mark nobr q s samp small span strike strong sub sup time tt u var"
)
const heading = /^h[1-6]$/
/** Start tags that end an open paragraph (HTML standard, section 13.2.6.4.7). */
const endsParagraph = set(
  "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li dd dt main menu nav ol p pre search section summary table ul"
)
/** Implied end tags: an open element of `ends` up to the nearest of `within`. */
const implied: Readonly<
  Record<string, { readonly ends: ReadonlySet<string>; readonly within: ReadonlySet<string> }>
> = {
  li: { ends: set("li"), within: set("ul ol menu dir table td th") },
  dt: { ends: set("dt dd"), within: set("dl table td th") },
  dd: { ends: set("dt dd"), within: set("dl table td th") },
  tr: { ends: set("tr td th caption"), within: set("table thead tbody tfoot") },
  td: { ends: set("td th"), within: set("table tr") },
  th: { ends: set("td th"), within: set("table tr") },
  thead: { ends: set("thead tbody tfoot caption"), within: set("table") },
  tbody: { ends: set("thead tbody tfoot caption"), within: set("table") },
  tfoot: { ends: set("thead tbody tfoot caption"), within: set("table") },
  option: { ends: set("option"), within: set("select datalist optgroup") },
  optgroup: { ends: set("optgroup"), within: set("select") },
  rt: { ends: set("rt rp"), within: set("ruby") },
  rp: { ends: set("rt rp"), within: set("ruby") },
  a: { ends: set("a"), within: set("table td th") },
  button: { ends: set("button"), within: set("table td th") }
}
const paragraph = set("p")
const paragraphWithin = set("table td th caption button template object")
/** Scope boundaries for end tags of other elements. */
const scopes = set("td th caption template table")
const tableParts = set("table thead tbody tfoot tr td th caption")

/** HTML standard, section 4.2.5.3, "shared declarative refresh steps"; `undefined` without a URL. */
export const parseRefresh = (content: string): Refresh | undefined => {
  const matched = /^\s*(\d*)(?:\.[\d.]*)?\s*[;,\s]\s*(?:url\s*=\s*)?(.*)$/is.exec(content.slice(0, 4096))
  const [, seconds = "", rest = ""] = matched ?? []
  const quote = rest[0] === "'" || rest[0] === '"' ? rest[0] : undefined
  const url = quote === undefined ? rest : (rest.slice(1).split(quote, 1)[0] ?? "")
  return matched === null || url.trim() === "" ? undefined : { seconds: Number(seconds), url: url.trim() }
}

class Builder {
  readonly root: Element = { name: "body", attributes: {}, children: [] }
  readonly meta = new Map<string, string>()
  title: string | undefined
  base: string | undefined
  refresh: Refresh | undefined
  refreshWithoutScripts: Refresh | undefined
  scripts = 0
  cut = false

  readonly #stack: Array<Element> = [this.root]
  /** Number of open elements by name, and of elements beyond the maximum depth. */
  readonly #open = new Map<string, number>()
  readonly #tooDeep = new Map<string, number>()
  #left: number
  readonly #xml: boolean

  constructor(maxNodes: number, xml: boolean) {
    this.#left = maxNodes
    this.#xml = xml
  }

  get #top(): Element {
    return this.#stack.at(-1) ?? this.root
  }

  #add(node: Node) {
    if (this.#left-- <= 0) {
      this.cut = true
      return false
    }
    this.#top.children.push(node)
    return true
  }

  readonly text = (text: string) => {
    const { attributes, name } = this.#top
    // MathJax keeps formulas in scripts.
    const unread = name === "style" || (name === "script" && !attributes["type"]?.startsWith("math/tex"))
    if (unread) return true
    if (name === "title" && !this.#open.has("svg")) {
      this.title ??= text
      return true
    }
    return this.#add(text)
  }

  readonly open = (name: string, attributes: Attributes, selfClosing: boolean): boolean => {
    if (name === "html" || name === "head" || name === "body") return true
    if (name === "meta") this.#head(attributes)
    if (name === "base") this.base ??= attributes["href"]
    if (name === "meta" || name === "base" || name === "link" || name === "col") return true
    if (name === "script") this.scripts++
    const rule = Object.hasOwn(implied, name) ? implied[name] : undefined
    if (rule !== undefined) this.#endImplied(rule.ends, rule.within)
    if (endsParagraph.has(name)) this.#endImplied(paragraph, paragraphWithin)
    if (heading.test(name) && heading.test(this.#top.name)) this.#pop()
    const element: Element = { name, attributes, children: [] }
    if (this.#stack.length >= maxDepth) {
      this.#tooDeep.set(name, (this.#tooDeep.get(name) ?? 0) + 1)
      return inline.has(name) || this.#add(" ")
    }
    if (!this.#add(element)) return false
    const foreign = this.#open.has("svg") || this.#open.has("math")
    if (voids.has(name) || (selfClosing && (this.#xml || foreign || name === "svg"))) return true
    this.#stack.push(element)
    this.#open.set(name, (this.#open.get(name) ?? 0) + 1)
    return true
  }

  readonly close = (name: string): void => {
    const deep = this.#tooDeep.get(name) ?? 0
    if (deep > 0) {
      this.#tooDeep.set(name, deep - 1)
      return
    }
    if (name === "br") return void this.open("br", {}, false)
    const isHeading = heading.test(name)
    if (!isHeading && !this.#open.has(name)) return
    for (let index = this.#stack.length - 1; index > 0; index--) {
      const open = this.#stack[index]?.name ?? ""
      if (open === name || (isHeading && heading.test(open))) {
        if (inline.has(name) && this.#stack.slice(index + 1).some((above) => !inline.has(above.name))) {
          this.#remove(index)
        } else {
          while (this.#stack.length > index) this.#pop()
        }
        return
      }
      if (scopes.has(open) && !tableParts.has(name)) return
    }
  }

  #endImplied(ends: ReadonlySet<string>, within: ReadonlySet<string>) {
    if (!this.#isOpen(ends)) return
    for (let index = this.#stack.length - 1; index > 0; index--) {
      const open = this.#stack[index]?.name ?? ""
      if (ends.has(open)) {
        while (this.#stack.length > index) this.#pop()
        // A row may end a cell and a row; others end one element.
        if (!ends.has("tr")) return
        index = this.#stack.length
      } else if (within.has(open)) return
    }
  }

  #isOpen(names: ReadonlySet<string>) {
    for (const name of names) if (this.#open.has(name)) return true
    return false
  }

  #pop() {
    this.#remove(this.#stack.length - 1)
  }

  #remove(index: number) {
    const [closed] = this.#stack.splice(index, 1)
    if (closed === undefined) return
    const count = (this.#open.get(closed.name) ?? 1) - 1
    if (count === 0) this.#open.delete(closed.name)
    else this.#open.set(closed.name, count)
  }

  #head(attributes: Attributes) {
    const { content = "", name, property } = attributes
    const key = (property ?? name ?? "").toLowerCase()
    if (key !== "" && this.meta.size < maxMeta && !this.meta.has(key)) this.meta.set(key, content)
    if (attributes["http-equiv"]?.toLowerCase() !== "refresh") return
    const refresh = parseRefresh(content)
    if (this.#open.has("noscript")) this.refreshWithoutScripts ??= refresh
    else this.refresh ??= refresh
  }
}

/** Parses at most `maxNodes` elements and texts. `xml`: XHTML, where all elements may be self-closing. */
export const parse = (html: string, maxNodes: number, xml = false): HtmlDocument => {
  const builder = new Builder(maxNodes, xml)
  scan(html, builder, xml)
  return {
    root: builder.root,
    title: builder.title ?? "",
    meta: builder.meta,
    base: builder.base,
    refresh: builder.refresh,
    refreshWithoutScripts: builder.refreshWithoutScripts,
    scripts: builder.scripts,
    cut: builder.cut
  }
}

/** Text content of a node, without layout. */
export const textOf = (node: Node): string =>
  typeof node === "string" ? node : node.children.map(textOf).join("")
