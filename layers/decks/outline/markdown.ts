/** Reads lines of plain text, sheets and Markdown as blocks of Markdown, and its lists as points. */
import type { MarkedToken, Tokens } from "marked"
import type { Point } from "./Outline.ts"
import { clean, hidden, lexer, toPoint } from "./plainText.ts"

const fence = /^\s*(`{3,}|~{3,})/u
/** What is no plain line: an item, a heading, a quote, code, a row, or a line that continues one. */
const isMarked =
  /^(?:\s{2,}|\s*(?:[-*+•‣▪–]|#{1,6}|\d{1,3}[.)])(?:\s|$)|\s*(?:>|\||`{3}|~{3}|-{3}|\*{3}|_{3}))/u
const row = /^\s*\|(.+)\|\s*$/u
const rule = /^[\s|:-]+$/u
const mostCells = 12

/** All bullets are one, German dates and long numbers are not numbers of items; many marks, or a deep indent, would nest as deeply. */
const readable = (line: string) =>
  line
    .replace(/^(\s*)[*+•‣▪–](?=\s|$)/u, "$1-")
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

const asTable = (rows: ReadonlyArray<ReadonlyArray<string>>): Array<string> => {
  const width = rows.reduce((most, { length }) => Math.max(most, length), 0)
  const fill = (cells: ReadonlyArray<string>, missing: string) =>
    `|${Array.from({ length: width }, (_, index) => cells[index] ?? missing).join("|")}|`
  const [head = [], ...others] = rows.filter((cells) => !rule.test(cells.join("|")))
  return [fill(head, " "), fill([], "-"), ...others.map((cells) => fill(cells, " "))]
}

/** The blocks of lines, whose inline Markdown is not read yet. */
export const blocksOf = (lines: ReadonlyArray<string>): ReadonlyArray<MarkedToken> => {
  const blocks: Array<MarkedToken> = []
  let part: Array<string> = []
  let isPlain = true
  let open: string | undefined
  const endPart = (nextIsPlain: boolean) => {
    const text = part.join("\n")
    if (isPlain && text !== "") blocks.push({ type: "paragraph", raw: text, text, tokens: [] })
    // There are no extensions, whose tokens are of other types.
    else blocks.push(...(lexer().blockTokens(text) as ReadonlyArray<MarkedToken>))
    part = []
    isPlain = nextIsPlain
  }
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ""
    const mark = fence.exec(line)?.[1]
    const rows = open === undefined ? tableAt(lines, at) : []
    const plain = open === undefined && !isMarked.test(line)
    if (rows.length > 0) {
      endPart(false)
      part = asTable(rows)
      endPart(true)
      at += rows.length - 1
    } else if (line.trim() === "") {
      // Empty lines between items do not end their list.
      if (isPlain) endPart(true)
      else part.push("")
    } else {
      if (plain !== isPlain) endPart(plain)
      part.push(open === undefined && mark === undefined ? readable(line) : line)
      if (open === undefined) open = mark
      else if (mark?.startsWith(open)) open = undefined
    }
  }
  endPart(true)
  return blocks
}

const levels = [0, 1, 2] as const

/** The items of a list, with their levels, numbers and boxes; what slides do not show is added to the notes. */
export const itemsOf = (list: Tokens.List, notes: Array<string>, level = 0): ReadonlyArray<Point> =>
  list.items.flatMap(({ checked, task, tokens }, index) => {
    const text = tokens
      .flatMap((token) => ("text" in token && token.type !== "list" ? [token.text] : []))
      .join(" ")
    notes.push(...hidden(text))
    const point = toPoint(text)
    const box = task ? (checked === true ? "☑ " : "☐ ") : ""
    const number = Number(list.start) + index
    const own: Point = {
      ...(point.lead === undefined ? { text: box + point.text } : { ...point, lead: box + point.lead }),
      ...(level > 0 && { level: levels[Math.min(level, 2)] ?? 0 }),
      ...(list.ordered && number > 0 && { number })
    }
    const under = (tokens as ReadonlyArray<MarkedToken>).flatMap((token) =>
      token.type === "list" ? itemsOf(token, notes, level + 1) : []
    )
    return clean(text) === "" ? under : [own, ...under]
  })

/** The points of structured data, each a line with or without a mark. */
export const pointsOf = (lines: ReadonlyArray<string> = []): ReadonlyArray<Point> => {
  const items = lines
    .flatMap((line) => line.split(/\r\n|[\r\n]/u))
    .filter((line) => clean(line) !== "")
    .map((line) => (/^\s*(?:[-*+•‣▪–]|\d{1,3}[.)])(?:\s|$)/u.test(line) ? line : `- ${clean(line)}`))
  return blocksOf(items).flatMap((block) => (block.type === "list" ? itemsOf(block, []) : []))
}
