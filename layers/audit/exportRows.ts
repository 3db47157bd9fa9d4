/** Rows of the audit log as JSON lines, as CSV, and as text for a terminal. */
import { DateTime } from "effect"
import { escapeControls } from "../logging/logLine.ts"
import { type AuditRow, columns } from "./chain.ts"

const timeOf = ({ at }: AuditRow) => DateTime.formatIso(DateTime.makeUnsafe(at))

/** Valid JSON unless the row was changed. */
const detailsOf = ({ details }: AuditRow): unknown => {
  try {
    return JSON.parse(details)
  } catch {
    return details
  }
}

/** The name and the value of a column in an export. */
const field = (row: AuditRow, column: (typeof columns)[number]): readonly [string, unknown] => {
  if (column === "at") return ["time", timeOf(row)]
  return [column, column === "details" ? detailsOf(row) : row[column]]
}

/** One line; controls and marks that could hide text are escaped. */
export const jsonLine = (row: AuditRow): string =>
  escapeControls(JSON.stringify(Object.fromEntries(columns.map((column) => field(row, column)))))

/** The columns of the CSV (RFC 4180). */
export const csvHeader = columns.map((column) => (column === "at" ? "time" : column)).join()

/** Spreadsheets run cells that begin with these characters as formulas, so such cells get an apostrophe. */
const formula = /^\s*[=+\-@|%]/

const cell = (value: string | number): string => {
  const text = escapeControls(String(value))
  return `"${(formula.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
}

export const csvLine = (row: AuditRow): string =>
  columns.map((column) => cell(column === "at" ? timeOf(row) : row[column])).join()

/** `2026-11-26 15:50:42  alice  tool.call math.add  succeeded`, with details that are not an empty object. */
export const textLine = (row: AuditRow): string => {
  const who =
    row.subject === ""
      ? `(${row.source})`
      : row.client === row.subject
        ? row.subject
        : `${row.subject} by ${row.client}`
  const what = row.target === "" ? row.action : `${row.action} ${row.target}`
  const more = row.details === "{}" ? "" : `  ${row.details}`
  return escapeControls(
    `${row.id}  ${timeOf(row).slice(0, 19).replace("T", " ")}  ${who}  ${what}  ${row.outcome}${more}`
  )
}
