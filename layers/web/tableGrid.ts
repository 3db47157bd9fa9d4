/** Converts a table to a Markdown grid: cells covered by rowspan and colspan are empty, so that columns stay aligned. */
import type { Element } from "./HtmlDocument.ts"

/** Maximum columns (HTML standard, section 4.9.12, allows 1000); wider tables are not rendered as tables. */
const maxColumns = 100
const maxRows = 20_000

export interface Table {
  readonly caption: Element | undefined
  readonly cells: ReadonlyArray<Element>
  /** GitHub Flavored Markdown with the first row as the head; stops after the line for which `continues` is false. */
  readonly render: (cell: (element: Element) => string, continues: (line: string) => boolean) => string
}

const span = (value: string | undefined, most: number) => {
  const number = Number.parseInt(value ?? "", 10)
  return number >= 1 ? Math.min(number, most) : 1
}

const rowsOf = (table: Element, isLeft: (element: Element) => boolean) => {
  const rows: Array<ReadonlyArray<Element>> = []
  const elements = (of: Element) =>
    of.children.filter((child): child is Element => typeof child !== "string" && !isLeft(child))
  const visit = (of: Element): void => {
    for (const child of elements(of)) {
      if (child.name === "tr") rows.push(elements(child).filter(({ name }) => name === "td" || name === "th"))
      else if (/^(?:thead|tbody|tfoot)$/.test(child.name)) visit(child)
    }
  }
  visit(table)
  return rows.filter((row) => row.length > 0)
}

/** Whether the table has content outside of its cells. */
const hasStrays = (table: Element): boolean =>
  table.children.some((child) =>
    typeof child === "string"
      ? child.trim() !== ""
      : /^(?:thead|tbody|tfoot|tr)$/.test(child.name)
        ? hasStrays(child)
        : !/^(?:td|th|caption|colgroup|col|script|style|template)$/.test(child.name)
  )

/** `undefined` for layout tables: one column, or no rows. */
export const tableOf = (table: Element, isLeft: (element: Element) => boolean): Table | undefined => {
  const rows = rowsOf(table, isLeft)
  const widest = Math.max(0, ...rows.slice(0, maxRows).map((row) => row.length))
  if (widest < 2 || widest > maxColumns || hasStrays(table) || rows.length > maxRows) return undefined
  return {
    caption: table.children.find(
      (child): child is Element => typeof child !== "string" && child.name === "caption"
    ),
    cells: rows.flat(),
    render: (cell, continues) => {
      /** Remaining rows covered by a cell above, by column. */
      const covered: Array<number> = []
      const lines: Array<ReadonlyArray<string>> = []
      for (const row of rows) {
        const line: Array<string> = []
        const fill = () => {
          while ((covered[line.length] ?? 0) > 0) {
            covered[line.length] = (covered[line.length] ?? 0) - 1
            line.push("")
          }
        }
        for (const element of row) {
          fill()
          const rowspan = span(element.attributes["rowspan"], maxRows)
          const columns = span(
            element.attributes["colspan"],
            maxColumns - Math.min(line.length, maxColumns - 1)
          )
          for (let column = 0; column < columns; column++) {
            covered[line.length] = rowspan - 1
            line.push(column === 0 ? cell(element) : "")
          }
        }
        fill()
        lines.push(line)
        if (!continues(line.join(" | "))) break
      }
      const columns = Math.max(...lines.map(({ length }) => length))
      const written = lines.map(
        (line) => `| ${line.concat(Array<string>(columns - line.length).fill("")).join(" | ")} |`
      )
      const [head = "", ...body] = written
      return [head, `|${" --- |".repeat(columns)}`, ...body].join("\n")
    }
  }
}
