/** Rows of the audit log as JSON lines, as CSV, and as text for a terminal. */
import { DateTime } from "effect"
import { escapeControls } from "../logging/logLine.ts"
import type { AuditRow } from "./chain.ts"

const timeOf = ({ at }: AuditRow) => DateTime.formatIso(DateTime.makeUnsafe(at))

/** Valid JSON unless the row was changed. */
const detailsOf = ({ details }: AuditRow): unknown => {
  try {
    return JSON.parse(details)
  } catch {
    return details
  }
}

/** One line; controls and marks that could hide text are escaped. */
export const jsonLine = (row: AuditRow): string =>
  escapeControls(
    JSON.stringify({
      id: row.id,
      time: timeOf(row),
      subject: row.subject,
      client: row.client,
      source: row.source,
      action: row.action,
      target: row.target,
      outcome: row.outcome,
      request_id: row.request_id,
      details: detailsOf(row),
      hash: row.hash
    })
  )

/** The columns of the CSV (RFC 4180). */
export const csvHeader = "id,time,subject,client,source,action,target,outcome,request_id,details,hash"

/** Spreadsheets run cells that begin with these characters as formulas, so such cells get an apostrophe. */
const formula = /^\s*[=+\-@|%]/

const cell = (value: string | number): string => {
  const text = escapeControls(String(value))
  return `"${(formula.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
}

export const csvLine = (row: AuditRow): string =>
  [
    row.id,
    timeOf(row),
    row.subject,
    row.client,
    row.source,
    row.action,
    row.target,
    row.outcome,
    row.request_id,
    row.details,
    row.hash
  ]
    .map(cell)
    .join()

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
