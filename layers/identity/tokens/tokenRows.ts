/** Rows of stored API tokens, and the statements that read and write them. */
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Principal, PrincipalLimits } from "../../../src/domain/Principal.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import type { Grant } from "../Grant.ts"
import { isoOf, type StoredToken } from "./StoredToken.ts"

const Scopes = Schema.fromJsonString(Schema.Array(Schema.NonEmptyString))
const Limits = Schema.fromJsonString(PrincipalLimits)
const Time = Schema.NullOr(Count)

const Row = Schema.Struct({
  id: Schema.String,
  hash: Schema.String,
  pepper: Schema.String,
  name: Schema.String,
  subject: Schema.String,
  scopes: Scopes,
  ceiling: Scopes,
  limits: Limits,
  created_at: Count,
  created_by: Schema.String,
  expires_at: Time,
  last_used_at: Time,
  revoked_at: Time,
  revoked_by: Schema.NullOr(Schema.String)
})
export type TokenRow = typeof Row.Type

const Rows = rowsOf(Row)
const Counts = rowsOf(Schema.Struct({ count: Count }))

/** Any number; the same for all programs that share the database, and another one than that of budgets and conversations. */
const tokensLock = 7_201_988_316

/** Tokens are created one after the other, so that their number is exact. SQLite has one writer at a time. */
export const lockTokens = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => Effect.asVoid(sql`SELECT pg_advisory_xact_lock(${BigInt(tokensLock)})`),
    orElse: () => Effect.void
  })

/** Tokens of one statement. */
const chunk = 500

export const findTokens = (sql: SqlClient, ids: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(
      Array.from({ length: Math.ceil(ids.length / chunk) }, (_, index) =>
        ids.slice(index * chunk, (index + 1) * chunk)
      ),
      (some) => Rows(sql`SELECT * FROM api_tokens WHERE id IN ${sql.in(some)}`)
    ),
    (found) => found.flat()
  )

export const findToken = (sql: SqlClient, id: string) =>
  Effect.map(Rows(sql`SELECT * FROM api_tokens WHERE id = ${id}`), ([row]) => row)

/** The active token with the id or the name, else a revoked one with the id. */
export const findByIdOrName = (sql: SqlClient, text: string) =>
  Effect.map(
    Rows(
      sql`SELECT * FROM api_tokens WHERE id = ${text} OR (name = ${text} AND revoked_at IS NULL)
        ORDER BY CASE WHEN id = ${text} THEN 0 ELSE 1 END`
    ),
    ([row]) => row
  )

/** The newest first; `after` is the last of the page before. */
export const listTokens = (
  sql: SqlClient,
  {
    after,
    limit
  }: { readonly after: { readonly at: number; readonly id: string } | undefined; readonly limit: number }
) =>
  Rows(
    sql`SELECT * FROM api_tokens ${
      after === undefined
        ? sql.literal("")
        : sql`WHERE created_at < ${after.at} OR (created_at = ${after.at} AND id > ${after.id})`
    } ORDER BY created_at DESC, id LIMIT ${limit}`
  )

/** Tokens that count: neither revoked nor expired. */
export const countActive = (sql: SqlClient, now: number, subject?: string) =>
  Effect.map(
    Counts(
      sql`SELECT COUNT(*) AS count FROM api_tokens
        WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})
        ${subject === undefined ? sql.literal("") : sql`AND subject = ${subject}`}`
    ),
    ([row]) => row?.count ?? 0
  )

/** Active tokens whose hash has another key. */
export const countForeign = (sql: SqlClient, now: number, pepper: string) =>
  Effect.map(
    Counts(
      sql`SELECT COUNT(*) AS count FROM api_tokens
        WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now}) AND pepper <> ${pepper}`
    ),
    ([row]) => row?.count ?? 0
  )

export const nameIsTaken = (sql: SqlClient, name: string) =>
  Effect.map(
    Counts(sql`SELECT COUNT(*) AS count FROM api_tokens WHERE name = ${name} AND revoked_at IS NULL`),
    ([row]) => (row?.count ?? 0) > 0
  )

/** An expired token gives its name to the next one. */
export const revokeExpired = (sql: SqlClient, name: string, now: number) =>
  sql`UPDATE api_tokens SET revoked_at = ${now}, revoked_by = 'expiry'
    WHERE name = ${name} AND revoked_at IS NULL AND expires_at <= ${now}`

export const insertToken = (sql: SqlClient, row: TokenRow) =>
  sql`INSERT INTO api_tokens ${sql.insert({
    ...row,
    scopes: JSON.stringify(row.scopes),
    ceiling: JSON.stringify(row.ceiling),
    limits: JSON.stringify(row.limits)
  })}`

/** Whether it was active: of concurrent requests one revokes it. */
export const revoke = (sql: SqlClient, id: string, now: number, by: string) =>
  Effect.map(
    sql`UPDATE api_tokens SET revoked_at = ${now}, revoked_by = ${by} WHERE id = ${id} AND revoked_at IS NULL RETURNING id`,
    (revoked) => revoked.length > 0
  )

/** `since`: a use after it is already recorded. */
export const recordUse = (sql: SqlClient, id: string, now: number, since: number) =>
  sql`UPDATE api_tokens SET last_used_at = ${now}
    WHERE id = ${id} AND (last_used_at IS NULL OR last_used_at < ${since})`

/** Kind of the credentials, before the colon. */
export const kind = "stored-token"

export const grantOf = (row: TokenRow): Grant => ({
  credential: `${kind}:${row.id}`,
  expiresAt: row.expires_at ?? Infinity,
  principal: new Principal({
    subject: row.subject,
    clientId: row.name,
    scopes: row.scopes,
    ceiling: row.ceiling,
    source: "api-token",
    ...(Object.keys(row.limits).length > 0 && { limits: row.limits })
  })
})

export const describe = (row: TokenRow, now: number): StoredToken => ({
  id: row.id,
  name: row.name,
  subject: row.subject,
  source: "stored",
  status:
    row.revoked_at !== null
      ? "revoked"
      : row.expires_at !== null && row.expires_at <= now
        ? "expired"
        : "active",
  scopes: row.scopes,
  ceiling: row.ceiling,
  limits: row.limits,
  created_at: isoOf(row.created_at),
  created_by: row.created_by,
  expires_at: isoOf(row.expires_at),
  last_used_at: isoOf(row.last_used_at),
  revoked_at: isoOf(row.revoked_at),
  revoked_by: row.revoked_by
})
