/** Converts `<pre>` to a fenced code block with its language and without line numbers. */
import type { Element, Node } from "./HtmlDocument.ts"
import type { CharacterBudget } from "./InlineMarkdown.ts"

const gutter =
  /(?:^|\s)(?:linenos?|line-?numbers?|gutter|linenodiv|hljs-ln-numbers|blob-num|lineno|rouge-gutter)(?:$|\s)/i
const language =
  /(?:^|\s)(?:language|lang|highlight-source|highlight|brush:\s?|sourceCode\s)-?([\w+#.-]{1,30})(?:$|[\s;])/i
const notLanguages = /^(?:none|plain|text|default|source|code)$/i

const isGutter = ({ attributes }: Element) => gutter.test((attributes["class"] ?? "").slice(0, 300))

/** Text content with a line break per block element, because pages mark up lines of code. */
const textOf = (node: Node, limit: number): string => {
  let text = ""
  const visit = (child: Node): void => {
    if (text.length > limit) return
    if (typeof child === "string") {
      text += child
    } else if (child.name === "br") {
      text += "\n"
    } else if (!isGutter(child) && child.name !== "button" && child.name !== "style") {
      for (const inner of child.children) visit(inner)
      if (/^(?:div|p|li|tr)$/.test(child.name) && !text.endsWith("\n")) text += "\n"
    }
  }
  visit(node)
  return text.slice(0, limit)
}

const languageOf = (element: Element): string => {
  const code = element.children.find((child) => typeof child !== "string" && child.name === "code")
  for (const { attributes } of typeof code === "object" ? [code, element] : [element]) {
    const named =
      attributes["data-lang"] ??
      attributes["data-language"] ??
      language.exec((attributes["class"] ?? "").slice(0, 300))?.[1]
    if (named !== undefined && /^[\w+#.-]{1,30}$/.test(named) && !notLanguages.test(named)) return named
  }
  return ""
}

/** Nothing for a `<pre>` without text, or with line numbers only. */
export const codeOf = (element: Element, budget: CharacterBudget): ReadonlyArray<string> => {
  if (isGutter(element)) return []
  const text = textOf(element, budget.left)
    .replace(/\r\n?/g, "\n")
    .replace(/^(?:[ \t]*\n)+/, "")
    .trimEnd()
  budget.left -= text.length
  if (text === "") return []
  const longest = (text.match(/`{3,}/g) ?? []).reduce((most, { length }) => Math.max(most, length), 2)
  const fence = "`".repeat(longest + 1)
  return [`${fence}${languageOf(element)}\n${text}\n${fence}`]
}
