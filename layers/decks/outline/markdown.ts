/** Reads lines of plain text, sheets and Markdown as blocks of Markdown, and its lists as points. */
import type { MarkedToken, Tokens } from "marked"
import type { Point } from "./Outline.ts"
import { clean, hidden, lexer, toPoint } from "./plainText.ts"

const fence = /^\s*(`{3,}|~{3,})/u
/** What is no plain line: an item, a heading, a quote, code, a row, or a line that continues one. */
const isMarked = /^(?:\s{2,}|\s*(?:[-*+•‣▪–]|#{1,6}|\d{1,3}[.)])(?:\s|$)|\s*(?:>|\||`{3}|~{3}))/u
const row = /^\s*\|(.+)\|\s*$/u
const rule = /^[\s|:-]+$/u
const mostCells = 12

/** German dates and long numbers are no marks; many marks, or a deep indent, would nest as deeply. */
const readable = (line: string) =>
  line
    .replace(/^(\s*)[•‣▪–](?=\s|$)/u, "$1-")
    .replace(/^(\s*(?:\d{4,}|\d+(?=.\s+(?:Quartal|Halbjahr|Woche|Monat|Jahr))))([.)])/u, "$1\\$2")
    .replace(/^(\s{12})\s+/u, "$1")
    .replace(/^(?:\s*(?:(?:[-*+]|\d+[.)])\s+|>\s?)){5,}/u, "- ")

/** The lines of a table that starts there, in cells: `| a | b |`, or three lines or more with as many tabs or semicolons each. */
const tableAt = (lines: ReadonlyArray<string>, start: number): ReadonlyArray<ReadonlyArray<string>> => {
  const header = lines[start] ?? ""
  const isRow = row.test(header)
  const separator = header.includes("\t") ? /\t/u : /\s*;\s*/u
  if (!isRow && (isMarked.test(header) || !(header.includes("\t") || /^[^\d:]+;[^\d:]+;/u.test(header))))
    return []
  const rows: Array<ReadonlyArray<string>> = []
  for (const line of lines.slice(start, start + 1001)) {
    const cells = isRow
      ? row.exec(line)?.[1]?.split(/(?<!\\)\|/u)
      : line.split(separator).map((cell) => cell.replaceAll("|", "\\|"))
    if (cells === undefined || (!isRow && cells.length !== (rows[0] ?? cells).length)) break
    rows.push(cells)
  }
  return isRow || (rows.length >= 3 && (rows[0] ?? []).length <= mostCells) ? rows : []
}

/** Empty lines around what is not plain, and tables as Markdown has them. */
const asMarkdown = (lines: ReadonlyArray<string>): string => {
  const out: Array<string> = []
  let open: string | undefined
  let wasMarked = false
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ""
    const mark = fence.exec(line)?.[1]
    const rows = open === undefined ? tableAt(lines, at) : []
    if (rows.length > 0) {
      const width = rows.reduce((most, { length }) => Math.max(most, length), 0)
      const [head = [], ...others] = rows.filter((cells) => !rule.test(cells.join("|")))
      const fill = (cells: ReadonlyArray<string>, cell: string) =>
        `|${Array.from({ length: width }, (_, index) => cells[index] ?? cell).join("|")}|`
      out.push("", fill(head, " "), fill([], "-"), ...others.map((cells) => fill(cells, " ")), "")
      at += rows.length - 1
      continue
    }
    if (open === undefined && isMarked.test(line) !== wasMarked) out.push("")
    wasMarked = isMarked.test(line)
    out.push(open === undefined && mark === undefined ? readable(line) : line)
    if (open === undefined) open = mark
    else if (mark?.startsWith(open)) open = undefined
  }
  return out.join("\n")
}

/** The blocks of lines; their inline Markdown is not read yet. */
export const blocksOf = (lines: ReadonlyArray<string>): ReadonlyArray<MarkedToken> =>
  // There are no extensions, whose tokens are of other types.
  lexer().blockTokens(asMarkdown(lines)) as ReadonlyArray<MarkedToken>

const levels = [0, 1, 2] as const

export interface Items {
  readonly points: ReadonlyArray<Point>
  readonly notes: ReadonlyArray<string>
}

/** The items of a list, with their levels, numbers and boxes. */
export const itemsOf = (list: Tokens.List, level = 0): Items => {
  const all = list.items.map(({ checked, task, tokens }, index): Items => {
    const text = tokens
      .flatMap((token) => ("text" in token && token.type !== "list" ? [token.text] : []))
      .join(" ")
    const point = toPoint(text)
    const box = task ? (checked === true ? "☑ " : "☐ ") : ""
    const number = Number(list.start) + index
    const own: Point = {
      ...(point.lead === undefined ? { text: box + point.text } : { ...point, lead: box + point.lead }),
      ...(level > 0 && { level: levels[Math.min(level, 2)] ?? 0 }),
      ...(list.ordered && number > 0 && { number })
    }
    const under = (tokens as ReadonlyArray<MarkedToken>).flatMap((token) =>
      token.type === "list" ? [itemsOf(token, level + 1)] : []
    )
    return {
      points: [...(clean(text) === "" ? [] : [own]), ...under.flatMap(({ points }) => points)],
      notes: [...hidden(text), ...under.flatMap(({ notes }) => notes)]
    }
  })
  return { points: all.flatMap(({ points }) => points), notes: all.flatMap(({ notes }) => notes) }
}

/** The points of structured data, each a line with or without a mark. */
export const pointsOf = (lines: ReadonlyArray<string> = []): ReadonlyArray<Point> => {
  const items = lines
    .flatMap((line) => line.split(/\r\n|[\r\n]/u))
    .filter((line) => clean(line) !== "")
    .map((line) => (/^\s*(?:[-*+•‣▪–]|\d{1,3}[.)])(?:\s|$)/u.test(line) ? line : `- ${clean(line)}`))
  return blocksOf(items).flatMap((block) => (block.type === "list" ? itemsOf(block).points : []))
}
