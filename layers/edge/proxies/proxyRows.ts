/** Rows of published applications and of their changes, and the statements that read and write them. */
import { DateTime, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Count, rowsOf } from "../../storage/rows.ts"
import { ProxyOptions, type Proxy } from "./Proxy.ts"

const state = {
  hostname: Schema.String,
  target_url: Schema.String,
  options: ProxyOptions,
  created_at: Schema.Finite,
  created_by: Schema.String
}
/** An entry without its last change, as changes record it. */
export const ProxyState = Schema.Struct(state)
export type ProxyState = typeof ProxyState.Type

const Row = Schema.Struct({
  ...state,
  options: Schema.fromJsonString(ProxyOptions),
  created_at: Count,
  revision: Count,
  updated_at: Count,
  updated_by: Schema.String
})
export type ProxyRow = typeof Row.Type

const StateJson = Schema.NullOr(Schema.fromJsonString(ProxyState))
const ChangeRow = Schema.Struct({
  revision: Count,
  hostname: Schema.String,
  before_state: StateJson,
  after_state: StateJson,
  changed_at: Count,
  changed_by: Schema.String,
  undoes: Schema.NullOr(Count)
})
export type ChangeRow = typeof ChangeRow.Type

const Rows = rowsOf(Row)
const Changes = rowsOf(ChangeRow)
const Counts = rowsOf(Schema.Struct({ count: Count }))
const encodeOptions = Schema.encodeSync(Schema.fromJsonString(ProxyOptions))
const encodeState = Schema.encodeSync(StateJson)

/** Kept changes: as many can be undone. */
const keptChanges = 1000

/** Any number; the same for all programs that share the database, and another one than those of other tables. */
const proxiesLock = 7_201_988_317

/** Changes happen one after the other. SQLite has one writer at a time. */
export const lockProxies = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => Effect.asVoid(sql`SELECT pg_advisory_xact_lock(${BigInt(proxiesLock)})`),
    orElse: () => Effect.void
  })

export const findProxy = (sql: SqlClient, hostname: string) =>
  Effect.map(Rows(sql`SELECT * FROM edge_proxies WHERE hostname = ${hostname}`), ([row]) => row)

/** By host name; `after` is the last one of the page before. */
export const listProxies = (
  sql: SqlClient,
  { after, limit }: { readonly after: string; readonly limit: number }
) => Rows(sql`SELECT * FROM edge_proxies WHERE hostname > ${after} ORDER BY hostname LIMIT ${limit}`)

export const findProxies = (sql: SqlClient, hostnames: ReadonlyArray<string>) =>
  Rows(sql`SELECT * FROM edge_proxies WHERE hostname IN ${sql.in(hostnames)}`)

export const countProxies = (sql: SqlClient) =>
  Effect.map(Counts(sql`SELECT COUNT(*) AS count FROM edge_proxies`), ([row]) => row?.count ?? 0)

/** Number of the last change; 0 before the first one. */
export const lastRevision = (sql: SqlClient) =>
  Effect.map(
    Counts(sql`SELECT COALESCE(MAX(revision), 0) AS count FROM edge_proxy_changes`),
    ([row]) => row?.count ?? 0
  )

/** Host names of the changes after a revision, with their revisions, in order. */
export const changesAfter = (
  sql: SqlClient,
  { after, until }: { readonly after: number; readonly until: number }
) =>
  Effect.map(
    sql<{ readonly revision: bigint | number; readonly hostname: string }>`SELECT revision, hostname
      FROM edge_proxy_changes WHERE revision > ${after} AND revision <= ${until} ORDER BY revision`,
    (rows) => rows.map((row) => ({ revision: Number(row.revision), hostname: row.hostname }))
  )

/** The last change that neither undoes another one nor was undone. */
export const lastUndoable = (sql: SqlClient) =>
  Effect.map(
    Changes(
      sql`SELECT * FROM edge_proxy_changes
        WHERE undoes IS NULL
          AND revision NOT IN (SELECT undoes FROM edge_proxy_changes WHERE undoes IS NOT NULL)
        ORDER BY revision DESC LIMIT 1`
    ),
    ([row]) => row
  )

/** The last change of the host name. */
export const lastChangeOf = (sql: SqlClient, hostname: string) =>
  Effect.map(
    Changes(
      sql`SELECT * FROM edge_proxy_changes WHERE hostname = ${hostname} ORDER BY revision DESC LIMIT 1`
    ),
    ([row]) => row
  )

const stateOf = ({ created_at, created_by, hostname, options, target_url }: ProxyState): ProxyState => ({
  created_at,
  created_by,
  hostname,
  options,
  target_url
})

export interface Change {
  readonly hostname: string
  readonly before: ProxyState | undefined
  readonly after: ProxyState | undefined
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly by: string
  readonly undoes?: number
}

/** Writes the new state of the entry, and the change. Returns its revision. */
export const writeChange = Effect.fnUntraced(function* (sql: SqlClient, change: Change) {
  const { after, at, before, by, hostname, undoes } = change
  const revision = (yield* lastRevision(sql)) + 1
  yield* sql`DELETE FROM edge_proxies WHERE hostname = ${hostname}`
  if (after !== undefined) {
    yield* sql`INSERT INTO edge_proxies ${sql.insert({
      hostname,
      target_url: after.target_url,
      options: encodeOptions(after.options),
      revision,
      created_at: after.created_at,
      created_by: after.created_by,
      updated_at: at,
      updated_by: by
    })}`
  }
  yield* sql`INSERT INTO edge_proxy_changes ${sql.insert({
    revision,
    hostname,
    before_state: encodeState(before === undefined ? null : stateOf(before)),
    after_state: encodeState(after === undefined ? null : stateOf(after)),
    changed_at: at,
    changed_by: by,
    undoes: undoes ?? null
  })}`
  yield* sql`DELETE FROM edge_proxy_changes WHERE revision <= ${revision - keptChanges}`
  return revision
})

const isoOf = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

export const describe = (row: ProxyRow): Proxy => ({
  hostname: row.hostname,
  target_url: row.target_url,
  ...row.options,
  revision: row.revision,
  created_at: isoOf(row.created_at),
  created_by: row.created_by,
  updated_at: isoOf(row.updated_at),
  updated_by: row.updated_by
})
