/** Resource `usage://summary`: the usage report of today as JSON. */
import { Effect } from "effect"
import { UsageReport } from "../../layers/usage/UsageReport.ts"
import { Caller } from "../catalog/Caller.ts"
import { Failed } from "../catalog/CatalogError.ts"
import type { ResourceEntry } from "../catalog/Entry.ts"

const uri = "usage://summary"
const mimeType = "application/json"

export const entry = Effect.map(UsageReport, (reports): ResourceEntry => ({
  uri,
  name: "usage",
  title: "Usage",
  description:
    "Tokens, cost and limits of today: the caller's, or those of all principals with the scope admin.",
  mimeType,
  scopes: ["read"],
  read: Effect.gen(function* () {
    const { principal } = yield* Caller
    const report = yield* reports.of(principal, { all: principal.may(["admin"]), window: "day" }).pipe(
      Effect.tapError(({ message }) => Effect.logError(`Usage cannot be read: ${message}`)),
      Effect.mapError(
        ({ forCallers }) => new Failed({ name: uri, detail: `usage cannot be read: ${forCallers}` })
      )
    )
    return { contents: [{ uri, mimeType, text: JSON.stringify(report) }] }
  })
}))
