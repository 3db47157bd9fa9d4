/** Main content extraction: leaves out hidden elements and boilerplate such as navigation and footers. */
import { textOf, type HtmlDocument, type Element, type Node } from "./HtmlDocument.ts"

/** Why an element is left out, as shown in the result. */
export type Reason =
  | "navigation"
  | "menu"
  | "page header"
  | "page footer"
  | "sidebar"
  | "cookie notice"
  | "search form"
  | "hidden elements"

export interface Content {
  /** Elements that are left out. */
  readonly left: ReadonlyMap<Element, Reason>
  /** Characters (without white space) left out, by reason. */
  readonly leftOut: ReadonlyMap<Reason, number>
  /** Visible characters of the page, and shown characters. */
  readonly visible: number
  readonly shown: number
  /** Whether `<noscript>` is shown, because the page has hardly any text without it. */
  readonly noscript: boolean
}

interface Size {
  chars: number
  /** Within links, buttons and form controls. */
  linked: number
}

/** Elements whose content browsers do not render. */
const notRendered: ReadonlySet<string> = new Set(
  "style template title select datalist textarea canvas object audio video iframe noembed noframes rp".split(
    " "
  )
)
const main: ReadonlySet<string> = new Set(["main", "article"])
const controls: ReadonlySet<string> = new Set(["a", "button", "label", "option", "summary"])
/** Fewer characters are hardly any text. */
const little = 200
/** With fewer characters, menus are the content of a page. */
const nothing = 80
/** Share of link text above which a block is a menu. */
const mostlyLinks = 0.5
/** Maximum share of the text outside links that is left out with headers and footers: each, and in total. */
const perBlock = 0.15
const inTotal = 0.25

const navigation =
  /^(?:nav|navbar|navigation|menu|breadcrumbs?|topnav|sidenav|pagination|pager|site-?nav|main-?nav|toc-?nav|skip-?links?)$/
const sidebar =
  /^(?:sidebar|side-?bar|related|related-?(?:posts|articles|links)|share|sharing|social|social-?(?:links|share|icons))$/
const consent =
  /(?:^|[-_ ])(?:cookies?|consent|gdpr|ccpa)[-_]?(?:banner|notice|bar|pop-?up|modal|dialog|overlay|message|law|manager|layer|prompt)(?:$|[-_ ])|^(?:onetrust-|didomi|cybotcookiebot|usercentrics|qc-cmp|sp_message_container|cmplz-|osano-)/i

const isHidden = ({ attributes, name }: Element): boolean => {
  const { hidden, role, style } = attributes
  if (attributes["aria-hidden"] === "true" && attributes["class"] === "katex-html") return true
  // Tab panels are hidden in turn, but are content.
  if (role === "tabpanel") return false
  if (hidden !== undefined && hidden !== "until-found") return true
  if (name === "dialog" && attributes["open"] === undefined) return true
  return (
    style !== undefined &&
    /(?:^|[;\s])(?:display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden)/i.test(style.slice(0, 500))
  )
}

export const isNotRendered = ({ attributes, name }: Element, noscript: boolean): boolean =>
  (notRendered.has(name) && attributes["shadowrootmode"] === undefined) ||
  (name === "noscript" && !noscript) ||
  (name === "script" && !attributes["type"]?.startsWith("math/tex"))

const charsOf = (text: string) => {
  let chars = 0
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 32) chars++
  return chars
}

class Survey {
  readonly left = new Map<Element, Reason>()
  readonly leftOut = new Map<Reason, number>()
  readonly #sizes = new Map<Element, Size>()
  readonly #noscript: boolean

  constructor(noscript: boolean) {
    this.#noscript = noscript
  }

  /** Measures visible elements and leaves out hidden ones. */
  measure(element: Element, linked = false): Size {
    const size: Size = { chars: 0, linked: 0 }
    for (const child of element.children) {
      if (typeof child === "string") {
        const chars = charsOf(child)
        size.chars += chars
        if (linked) size.linked += chars
      } else if (!isNotRendered(child, this.#noscript)) {
        if (isHidden(child)) {
          this.leave(child, "hidden elements", charsOf(textOf(child)))
        } else {
          const { chars, linked: inLinks } = this.measure(child, linked || controls.has(child.name))
          size.chars += chars
          size.linked += inLinks
        }
      }
    }
    this.#sizes.set(element, size)
    return size
  }

  leave(element: Element, reason: Reason, chars = this.size(element).chars) {
    this.left.set(element, reason)
    if (chars > 0) this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + chars)
  }

  size(element: Element): Size {
    return this.#sizes.get(element) ?? { chars: 0, linked: 0 }
  }
}

const tokens = ({ attributes, name }: Element) => {
  // The id of a section comes from its heading and does not indicate its purpose.
  const named = name === "div" || name === "ul" || name === "ol" || name === "p"
  return named ? [...(attributes["class"] ?? "").split(/\s+/, 20), attributes["id"] ?? ""] : []
}

/** Purpose of an element by name, role and class; `inMain`: within `main` or `article`. */
const purposeOf = (element: Element, inMain: boolean): Reason | undefined => {
  const { attributes, name } = element
  const { role } = attributes
  if (name === "nav" || role === "navigation" || role === "menubar") return "navigation"
  if (name === "search" || role === "search") return "search form"
  const names = tokens(element)
  if (names.some((token) => consent.test(token))) return "cookie notice"
  if (inMain) return undefined
  if (name === "header" || role === "banner") return "page header"
  if (name === "footer" || role === "contentinfo") return "page footer"
  if (name === "aside" || role === "complementary") return "sidebar"
  if (names.some((token) => navigation.test(token))) return "menu"
  return names.some((token) => sidebar.test(token)) ? "sidebar" : undefined
}

const contains = (element: Element, name: string): boolean =>
  element.children.some(
    (child) => typeof child !== "string" && (child.name === name || contains(child, name))
  )

const survey = (document: HtmlDocument, everything: boolean, noscript: boolean): Content => {
  const found = new Survey(noscript)
  const whole = found.measure(document.root)
  const prose = whole.chars - whole.linked
  let dropped = 0

  const mayLeave = (element: Element, reason: Reason): boolean => {
    const { chars, linked } = found.size(element)
    if (reason === "cookie notice") return chars < 3000
    if (chars === 0 || linked >= chars * mostlyLinks)
      return reason !== "page header" || !contains(element, "h1")
    if (reason === "search form") return chars < little
    // Sites also use these names for content: only blocks of links are left out.
    if (reason === "sidebar" || reason === "menu") return false
    const own = chars - linked
    const fits = own <= Math.max(little, prose * perBlock) && dropped + own <= prose * inTotal
    if (!fits || (reason === "page header" && contains(element, "h1"))) return false
    dropped += own
    return true
  }

  const visit = (node: Node, inMain: boolean): void => {
    if (typeof node === "string" || found.left.has(node)) return
    const reason = purposeOf(node, inMain)
    if (reason !== undefined && mayLeave(node, reason)) return found.leave(node, reason)
    const within = inMain || main.has(node.name) || node.attributes["role"] === "main"
    for (const child of node.children) visit(child, within)
  }
  if (!everything) visit(document.root, false)

  const out = [...found.leftOut].reduce(
    (sum, [reason, chars]) => (reason === "hidden elements" ? sum : sum + chars),
    0
  )
  return {
    left: found.left,
    leftOut: found.leftOut,
    visible: whole.chars,
    shown: whole.chars - out,
    noscript
  }
}

/** `everything`: leaves out hidden elements only. */
export const select = (document: HtmlDocument, everything: boolean): Content => {
  const found = survey(document, everything, false)
  const withNoscript = found.visible < little ? survey(document, everything, true) : found
  // Hardly any text is left: the menus are the content.
  const menus = withNoscript.shown < nothing && withNoscript.visible > 2 * withNoscript.shown
  return menus && !everything ? survey(document, true, withNoscript.noscript) : withNoscript
}
