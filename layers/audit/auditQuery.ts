/** Queries of the audit log, by time, actor, action, target and outcome. */
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { Rows } from "./auditRows.ts"

export interface AuditQuery {
  /** In milliseconds since the epoch; `until` is excluded. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** Subject or client. */
  readonly actor?: string | undefined
  /** Exact, or a prefix that ends with `*`. */
  readonly action?: string | undefined
  readonly target?: string | undefined
  readonly outcome?: string | undefined
}

export interface QueryPage {
  /** Rows after this one, oldest first; absent: the newest rows, newest first. */
  readonly after?: number
  readonly limit: number
}

/** The column equals the text, or begins with it. A prefix is compared as it is: `_` and `%` have no meaning. */
const matches = (sql: SqlClient, column: "action" | "target", text: string): Fragment => {
  if (!text.endsWith("*")) return sql`${sql(column)} = ${text}`
  const prefix = text.slice(0, -1)
  return sql`SUBSTR(${sql(column)}, 1, ${[...prefix].length}) = ${prefix}`
}

const conditions = (sql: SqlClient, query: AuditQuery): ReadonlyArray<Fragment> => {
  const { action, actor, outcome, since, target, until } = query
  return [
    ...(since === undefined ? [] : [sql`at >= ${since}`]),
    ...(until === undefined ? [] : [sql`at < ${until}`]),
    ...(actor === undefined ? [] : [sql`(subject = ${actor} OR client = ${actor})`]),
    ...(action === undefined ? [] : [matches(sql, "action", action)]),
    ...(target === undefined ? [] : [matches(sql, "target", target)]),
    ...(outcome === undefined ? [] : [sql`outcome = ${outcome}`])
  ]
}

export const findRows = (sql: SqlClient, query: AuditQuery, { after, limit }: QueryPage) => {
  const all = [...conditions(sql, query), ...(after === undefined ? [] : [sql`id > ${after}`])]
  const where = all.length === 0 ? sql.literal("") : sql`WHERE ${sql.and(all)}`
  const order = sql.literal(after === undefined ? "DESC" : "ASC")
  return Rows(sql`SELECT * FROM audit_rows ${where} ORDER BY id ${order} LIMIT ${limit}`)
}
