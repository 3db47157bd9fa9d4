/** Finds tables in lines copied from a sheet: cells separated by tabs, semicolons or commas. */

/** A comma before a space is punctuation. */
const separators = [
  { separator: /\t/u, least: 2 },
  { separator: /\s*;\s*/u, least: 3 },
  { separator: /,(?! )/u, least: 3 }
]
const leastLines = 3
const mostCells = 12

const cells = (line: string, separator: RegExp) => line.replace(/^ +| +$/gu, "").split(separator)
/** List items and indented lines. */
const listed = /^\s|^(?:[-*•‣▪–]|\d{1,3}[.)])\s/u
/** Without tabs, a header has no digits and no `label: value`: sentences have commas too. */
const isHeader = (line: string) => !listed.test(line) && (line.includes("\t") || !/\d|:\s/u.test(line))

const separatorOf = (header: string) =>
  separators.find(({ least, separator }) => {
    const { length } = cells(header, separator)
    return length >= least && length <= mostCells
  })?.separator

/** Replaces three or more lines of as many cells each by rows of Markdown: `| a | b |`. */
export const markTables = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const out: Array<string> = []
  let fenced = false
  for (let at = 0; at < lines.length;) {
    const header = lines[at] ?? ""
    if (/^\s*(?:```|~~~)/u.test(header)) fenced = !fenced
    const separator = !fenced && isHeader(header) ? separatorOf(header) : undefined
    let end = at + 1
    if (separator !== undefined) {
      const { length } = cells(header, separator)
      while (end < lines.length && cells(lines[end] ?? "", separator).length === length) end++
    }
    if (separator === undefined || end - at < leastLines) {
      out.push(header)
      at++
      continue
    }
    for (const line of lines.slice(at, end))
      out.push(
        `| ${cells(line, separator)
          .map((cell) => cell.replaceAll("|", "/"))
          .join(" | ")} |`
      )
    at = end
  }
  return out
}
