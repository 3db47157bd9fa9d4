/** Converts entries to rows: bounded texts that both databases store. */
import { storedText } from "../storage/rows.ts"
import type { AuditEntry } from "./AuditEntry.ts"
import type { UnlinkedRow } from "./chain.ts"

const longestTarget = 1024
/** Characters of the JSON. */
const longestDetails = 8192

const detailsOf = (details: AuditEntry["details"]): string => {
  if (details === undefined) return "{}"
  const json = JSON.stringify(details)
  return json.length <= longestDetails ? json : JSON.stringify({ omitted_characters: json.length })
}

/** `at`: in milliseconds since the epoch. */
export const contentOf = (entry: AuditEntry, at: number): UnlinkedRow => ({
  at,
  subject: storedText(entry.actor.subject),
  client: storedText(entry.actor.client),
  source: entry.actor.source,
  action: storedText(entry.action),
  target: storedText(entry.target, longestTarget),
  outcome: entry.outcome,
  request_id: storedText(entry.requestId),
  details: detailsOf(entry.details)
})
