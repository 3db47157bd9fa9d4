/** Reads what has changed in the table of published applications, for instances that follow it. */
import { Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { ProxyChanges } from "./ProxyChanges.ts"
import * as rows from "./proxyRows.ts"

const pageSize = 1000

/** Host names of one statement. */
const mostNames = 500

const allRows = Effect.fnUntraced(function* (sql: SqlClient) {
  const found: Array<rows.ProxyRow> = []
  for (;;) {
    const page = yield* rows.listProxies(sql, { after: found.at(-1)?.hostname ?? "", limit: pageSize })
    found.push(...page)
    if (page.length < pageSize) return found
  }
})

/** The revision is read first: what changes while the rows are read is among the next changes as well. */
const everything = Effect.fnUntraced(function* (sql: SqlClient) {
  const revision = yield* rows.lastRevision(sql)
  const changes: ProxyChanges = { revision, all: true, rows: yield* allRows(sql), removed: [] }
  return changes
})

export const changesSince = Effect.fnUntraced(function* (sql: SqlClient, revision: number) {
  if (revision < 0) return yield* everything(sql)
  const last = yield* rows.lastRevision(sql)
  if (last === revision) return { revision, all: false, rows: [], removed: [] } satisfies ProxyChanges
  // A database that was restored from a backup has lower numbers, and old changes are removed.
  const changes = last < revision ? [] : yield* rows.changesAfter(sql, { after: revision, until: last })
  const names = [...new Set(changes.map(({ hostname }) => hostname))]
  if (changes[0]?.revision !== revision + 1 || names.length > mostNames) return yield* everything(sql)
  const found = yield* rows.findProxies(sql, names)
  const present = new Set(found.map(({ hostname }) => hostname))
  const result: ProxyChanges = {
    revision: last,
    all: false,
    rows: found,
    removed: names.filter((name) => !present.has(name))
  }
  return result
})
