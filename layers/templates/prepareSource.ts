/** Preprocesses a template for the compiler: adds line markers, and removes line breaks after control tags. */

/** Matches the end of a tag, skipping strings and comments, which may contain `}}`. */
const ends =
  String.raw`'(?:\\.|[^'\\\r\n])*'|"(?:\\.|[^"\\\r\n])*"|` + "`(?:\\\\[^]|[^`\\\\])*`" + String.raw`|\}\}`
const endingOnly = new RegExp(ends, "g")
const endingOrComment = new RegExp(String.raw`\/\*[^]*?\*\/|${ends}`, "g")
const opening = /\{\{([-_]?)\s*([!@#/]?)/g

/** Code that reports the current template, line and output to the rendering at run time. */
export const marker = (template: string, line: number) => `c.at(${JSON.stringify(template)},${line},tR)`
const marked = /c\.at\("[^"]*",(\d+),tR\)/g

/** The line of the last marker in compiled code. */
export const lastLine = (code: string): number | undefined => {
  let line: number | undefined
  for (const [, found] of code.matchAll(marked)) line = Number(found)
  return line
}

/** End index of the tag whose code starts at `from`. No comment ends after `lastComment`. */
const closing = (text: string, from: number, lastComment: number): number => {
  // Avoids quadratic time: an unclosed comment would be scanned to the end of the text for each tag.
  const ending = from < lastComment ? endingOrComment : endingOnly
  ending.lastIndex = from
  for (let found = ending.exec(text); found !== null; found = ending.exec(text)) {
    if (found[0] === "}}") return ending.lastIndex
  }
  return text.length
}

/** Moves the line break into the tag, before its closing braces and the spaces there. */
const withBreak = (tag: string, lineBreak: string): string => {
  if (!tag.endsWith("}}")) return tag
  const code = tag.slice(0, tag.endsWith("/}}") ? -3 : -2).trimEnd()
  return code + lineBreak + tag.slice(code.length)
}

export interface Prepared {
  readonly text: string
  /** Code of the tags `{{! … }}`, replaced by its index in the text because the compiler would parse filters in it. */
  readonly codes: ReadonlyArray<string>
  /** Line of an unclosed tag, which the compiler does not report. */
  readonly unclosed: number | undefined
}

/**
 * Inserts a marker before each tag. A line with nothing but one control tag (`!`, `@`, `#`, `/`) adds no line to the
 * output: its line break moves into the tag, so line numbers stay correct.
 */
export const prepare = (template: string, text: string): Prepared => {
  const codes: Array<string> = []
  const open: Array<number> = []
  let out = ""
  let done = 0
  let line = 1
  let counted = 0
  const lastComment = text.lastIndexOf("*/")
  opening.lastIndex = 0
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    const [head, trim = "", kind = ""] = found
    const end = closing(text, found.index + head.length, lastComment)
    for (let at = text.indexOf("\n", counted); at >= 0 && at < found.index; at = text.indexOf("\n", at + 1)) {
      line++
      counted = at + 1
    }
    const code = marker(template, line)
    if (kind === "/") open.pop()
    if (kind === "@" && text[end - 3] !== "/") open.push(line)
    let before = text.slice(done, found.index)
    let tag = text.slice(found.index, end)
    let next = end
    const indent = text.slice(text.lastIndexOf("\n", found.index - 1) + 1, found.index)
    const rest = /^[ \t]*(\r?\n|$)/.exec(text.slice(end, end + 256))
    // A tag with trim markers is unchanged.
    if (kind !== "" && trim === "" && /^[ \t]*$/.test(indent) && rest !== null && !/[-_]\}\}$/.test(tag)) {
      before = before.slice(0, before.length - indent.length)
      tag = withBreak(tag, rest[1] ?? "")
      next = end + rest[0].length
    }
    if (kind === "!") {
      tag = tag.replace(/^(\{\{[-_]?\s*!)([^]*?)([-_]?\}\})$/, (_, start, written, close) => {
        const breaks = written.replace(/[^\n]/g, "")
        return `${start}${codes.push(written) - 1}${breaks}${close}`
      })
    }
    // The compiler evaluates this condition before any marker in the branch.
    tag = tag.replace(/^\{\{[-_]?\s*#\s*elif\s*\(/, (start) => `${start}${code},`)
    out += `${before}{{${trim}!${code}}}${tag}`
    done = next
    opening.lastIndex = next
  }
  return { text: out + text.slice(done), codes, unclosed: open.at(-1) }
}
