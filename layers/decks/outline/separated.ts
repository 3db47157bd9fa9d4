/** Finds tables in lines that were copied from a sheet: cells between tabs, semicolons or commas. */

/** A comma before a space is one of a sentence. */
const separators = [
  { separator: /\t/u, least: 2 },
  { separator: /\s*;\s*/u, least: 3 },
  { separator: /,(?! )/u, least: 3 }
]
const fewest = 3
const most = 12

const cells = (line: string, separator: RegExp) => line.replace(/^ +| +$/gu, "").split(separator)
/** What begins a list, or stands under a point. */
const listed = /^\s|^(?:[-*•‣▪–]|\d{1,3}[.)])\s/u
/** Without tabs, only names of columns begin a table: lines of text and numbers have commas too. */
const isHead = (line: string) => !listed.test(line) && (line.includes("\t") || !/\d|:\s/u.test(line))

/** How the table that begins with a line is separated. */
const tableOf = (head: string) =>
  isHead(head)
    ? separators.find(({ least, separator }) => {
        const { length } = cells(head, separator)
        return length >= least && length <= most
      })?.separator
    : undefined

/** Three or more lines with as many cells each, which are then `| a | row |`. */
export const separated = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (let at = 0; at < lines.length;) {
    const head = lines[at] ?? ""
    const separator = tableOf(head)
    let end = at + 1
    if (separator !== undefined) {
      const { length } = cells(head, separator)
      while (end < lines.length && cells(lines[end] ?? "", separator).length === length) end++
    }
    if (separator === undefined || end - at < fewest) {
      out.push(head)
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
