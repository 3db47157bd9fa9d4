/** Converts formulas to TeX if the page has it, else to linear text such as `x^2`. */
import { textOf, type Element, type Node } from "./HtmlDocument.ts"

const tex = /^application\/x-(?:la)?tex$/i

const annotation = (element: Element): string | undefined => {
  for (const child of element.children) {
    if (typeof child === "string") continue
    const found =
      child.name === "annotation" && tex.test(child.attributes["encoding"] ?? "")
        ? textOf(child)
        : annotation(child)
    if (found !== undefined) return found
  }
  return undefined
}

const grouped = (text: string) => (/^[\p{L}\p{N}.]+$/u.test(text) ? text : `(${text})`)

/** Linear form of MathML elements with layout (MathML Core, section 3). */
const linear = (node: Node): string => {
  if (typeof node === "string") return node.replace(/\s+/g, " ").trim()
  const { children, name } = node
  if (name === "annotation" || name === "annotation-xml") return ""
  const parts = children.filter((child) => typeof child !== "string" || child.trim() !== "").map(linear)
  const [one = "", two = "", three = ""] = parts
  if (name === "msup" || name === "mover") return `${one}^${grouped(two)}`
  if (name === "msub" || name === "munder") return `${one}_${grouped(two)}`
  if (name === "msubsup" || name === "munderover") return `${one}_${grouped(two)}^${grouped(three)}`
  if (name === "mfrac") return `${grouped(one)}/${grouped(two)}`
  if (name === "msqrt") return `√${grouped(parts.join(""))}`
  if (name === "mroot") return `${grouped(one)}^(1/${two})`
  if (name === "mtr") return `${parts.join(", ")}; `
  return parts.join("")
}

/** The formula of a `<math>` or of a MathJax script. */
export const formulaOf = (element: Element): string => {
  const { attributes, name } = element
  if (name === "script") {
    const fence = attributes["type"]?.includes("display") === true ? "$$" : "$"
    return `${fence}${textOf(element).trim()}${fence}`
  }
  const source = (annotation(element) ?? attributes["alttext"] ?? "").trim()
  const fence = attributes["display"] === "block" ? "$$" : "$"
  return source === "" ? linear(element) : `${fence}${source}${fence}`
}
