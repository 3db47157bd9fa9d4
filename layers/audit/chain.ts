/** Chain of the audit log: each row has the hash of its content and of the row before. */
import { sha256Hex } from "../platform/digest.ts"

/** A row without its hash. */
export interface Content {
  /** Counts from 1 without gaps. */
  readonly id: number
  /** In milliseconds since the epoch. */
  readonly at: number
  readonly subject: string
  readonly client: string
  readonly source: string
  readonly action: string
  readonly target: string
  readonly outcome: string
  readonly request_id: string
  /** JSON. */
  readonly details: string
}

export interface AuditRow extends Content {
  /** SHA-256 in hexadecimal digits. */
  readonly hash: string
}

/** The row that a new one follows. */
export interface Head {
  readonly id: number
  readonly hash: string
}

/** What the first row follows. */
export const origin: Head = { id: 0, hash: "0".repeat(64) }

/**
 * SHA-256 over the canonical JSON (RFC 8785) of an array: the hash of the row before, then the columns in the order of the
 * table. Texts of an array cannot be moved from one column to the next.
 */
export const hashOf = (before: string, row: Content): string =>
  sha256Hex(
    JSON.stringify([
      before,
      row.id,
      row.at,
      row.subject,
      row.client,
      row.source,
      row.action,
      row.target,
      row.outcome,
      row.request_id,
      row.details
    ])
  )

/** The columns, in the order of the table. */
export const valuesOf = (row: AuditRow): ReadonlyArray<string | number> => [
  row.id,
  row.at,
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

/** The rows with ids and hashes, in the order given, after `head`. */
export const link = (head: Head, contents: ReadonlyArray<Omit<Content, "id">>): ReadonlyArray<AuditRow> => {
  let { hash, id } = head
  return contents.map((content) => {
    const row = { id: ++id, ...content, hash: "" }
    row.hash = hash = hashOf(hash, row)
    return row
  })
}
