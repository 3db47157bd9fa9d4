/** What a schema says of a wrong value, as a short list: its length does not depend on the value. */
import { Schema, SchemaIssue } from "effect"
import type { Issue } from "./CatalogError.ts"

/** The most issues of one value. */
export const mostIssues = 10
/** Longer messages and paths, in characters, are cut: they may quote the value. */
const longest = 300

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const segment = (part: PropertyKey | { readonly key: PropertyKey }) =>
  String(typeof part === "object" ? part.key : part)

export const cut = (text: string): string => (text.length > longest ? `${text.slice(0, longest)}…` : text)

export const issuesOf = ({ issue }: Schema.SchemaError): ReadonlyArray<Issue> =>
  format(issue)
    .issues.slice(0, mostIssues)
    .map(({ message, path }) => ({ path: cut((path ?? []).map(segment).join(".")), message: cut(message) }))

/** Values with more parts are checked up to their first issue. */
const mostParts = 1000

/** Whether finding every issue of the value costs little. */
export const isSmall = (value: unknown): boolean => {
  let parts = 0
  const count = (inner: unknown): boolean => {
    if (++parts > mostParts) return false
    return typeof inner !== "object" || inner === null || Object.values(inner).every(count)
  }
  return count(value)
}
