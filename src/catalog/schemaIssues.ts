/** Validation issues of a value: a bounded list of short messages. */
import { Schema, SchemaIssue } from "effect"
import type { Issue } from "./CatalogError.ts"

/** Maximum number of issues per value. */
export const maxIssues = 10
/** Longer messages and paths, in characters, are cut, because they may quote the value. */
const maxLength = 300

/** Formats an issue, with the usual words for a missing key, an unknown one, and an empty text. */
export const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "UnexpectedKey") return "unknown argument"
    const message = SchemaIssue.defaultLeafHook(issue)
    return issue._tag === "MissingKey" && message === "Missing key" ? "required, but missing" : message
  },
  checkHook: (issue) =>
    SchemaIssue.defaultCheckHook(issue) ??
    (issue.filter.annotations?.["expected"] === "a value with a length of at least 1"
      ? "must not be empty"
      : undefined)
})

export const segment = (part: PropertyKey | { readonly key: PropertyKey }) =>
  String(typeof part === "object" ? part.key : part)

export const cut = (text: string): string => (text.length > maxLength ? `${text.slice(0, maxLength)}…` : text)

export const issuesOf = ({ issue }: Schema.SchemaError): ReadonlyArray<Issue> =>
  formatIssue(issue)
    .issues.slice(0, maxIssues)
    .map(({ message, path }) => ({ path: cut((path ?? []).map(segment).join(".")), message: cut(message) }))

/** Values with more parts are checked only up to their first issue. */
const maxParts = 1000

/** Whether the value is small enough to find all of its issues. */
export const isSmall = (value: unknown): boolean => {
  let parts = 0
  const count = (inner: unknown): boolean => {
    if (++parts > maxParts) return false
    return typeof inner !== "object" || inner === null || Object.values(inner).every(count)
  }
  return count(value)
}
