/** Chain of the audit log: each row has the hash of its content and of the row before, with or without a key. */
import { Schema, Struct } from "effect"
import { hmacSha256Hex, sha256Hex } from "../platform/digest.ts"
import { Count } from "../storage/rows.ts"

/** A row without its place in the chain. */
const unlinked = {
  /** In milliseconds since the epoch. */
  at: Count,
  subject: Schema.String,
  client: Schema.String,
  source: Schema.String,
  action: Schema.String,
  target: Schema.String,
  outcome: Schema.String,
  request_id: Schema.String,
  /** JSON. */
  details: Schema.String
}
export const UnlinkedRow = Schema.Struct(unlinked)
export type UnlinkedRow = typeof UnlinkedRow.Type

/** The columns of the table `audit_rows`, in its order. */
export const AuditRow = Schema.Struct({
  /** Counts from 1 without gaps. */
  id: Count,
  ...unlinked,
  /** SHA-256 or HMAC-SHA-256 in hexadecimal digits. */
  hash: Schema.String
})
export type AuditRow = typeof AuditRow.Type

export const columns = Struct.keys(AuditRow.fields)
const ofUnlinked = Struct.keys(unlinked)

/** Values of the columns, in the order of the table. */
type Values = Array<string | number>

/** The row that a new one follows. */
export interface Head {
  readonly id: number
  readonly hash: string
}

/** What the first row follows. */
export const origin: Head = { id: 0, hash: "0".repeat(64) }

/** From a text to 64 hexadecimal digits. */
export type Digest = (text: string) => string

/** HMAC-SHA-256 (RFC 2104) with the key, or SHA-256 without one. */
export const digestOf = (key: string | undefined): Digest => {
  if (key === undefined) return sha256Hex
  const bytes = new TextEncoder().encode(key)
  return (text) => hmacSha256Hex(bytes, text)
}

/** The hash of the row before, then the values of a row without its hash. */
const chained = (before: string, id: number, row: UnlinkedRow): Values => {
  const values: Values = [before, id]
  for (const column of ofUnlinked) values.push(row[column])
  return values
}

/**
 * Hash over the canonical JSON (RFC 8785) of an array: the hash of the row before, then the values in the order of the table.
 * Texts of an array cannot be moved from one column to the next.
 */
const hashOfValues = (digest: Digest, values: Values): string => digest(JSON.stringify(values))

export const hashOf = (digest: Digest, before: string, row: Omit<AuditRow, "hash">): string =>
  hashOfValues(digest, chained(before, row.id, row))

/** Rows with ids and hashes, in the order given, after `head`: the values of their columns, and the new head. */
export const link = (digest: Digest, head: Head, contents: ReadonlyArray<UnlinkedRow>) => {
  let { hash, id } = head
  const rows = contents.map((content): ReadonlyArray<string | number> => {
    const values = chained(hash, ++id, content)
    hash = hashOfValues(digest, values)
    values.shift()
    values.push(hash)
    return values
  })
  return { rows, head: { id, hash } }
}
