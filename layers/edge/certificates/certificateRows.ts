/** Rows of certificates, and the statements that read and write them. */
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { sha256Hex } from "../../platform/digest.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import { Source } from "./Certificate.ts"

const Row = Schema.Struct({
  id: Schema.String,
  source: Source,
  names: Schema.fromJsonString(Schema.Array(Schema.String)),
  chain: Schema.String,
  /** Encrypted PEM, in base64. */
  sealed_key: Schema.String,
  issuer: Schema.String,
  fingerprint: Schema.String,
  not_before: Count,
  not_after: Count,
  renew_at: Schema.NullOr(Count),
  created_at: Count,
  created_by: Schema.String
})
export type CertificateRow = typeof Row.Type

const Rows = rowsOf(Row)
const Hashes = rowsOf(Schema.Struct({ names_hash: Schema.String }))
const Ids = rowsOf(Schema.Struct({ id: Schema.String }))
const Counts = rowsOf(Schema.Struct({ count: Count }))
const Revisions = rowsOf(Schema.Struct({ revision: Count }))

/** Any number; the same for all programs that share the database, and another one than that of other tables. */
const certificatesLock = 7_201_988_317

/** Changes happen one after the other until the transaction ends. SQLite has one writer at a time. */
export const lockCertificates = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => Effect.asVoid(sql`SELECT pg_advisory_xact_lock(${BigInt(certificatesLock)})`),
    orElse: () => Effect.void
  })

export const revision = (sql: SqlClient) =>
  Effect.map(Revisions(sql`SELECT revision FROM edge_revision`), ([row]) => row?.revision ?? 0)

/** Instances notice the change of this transaction. */
export const countChange = (sql: SqlClient) => sql`UPDATE edge_revision SET revision = revision + 1`

export const listIds = (sql: SqlClient) =>
  Effect.map(Ids(sql`SELECT id FROM edge_certificates`), (rows) => rows.map(({ id }) => id))

/** Identifies a list of names. */
export const hashOf = (names: ReadonlyArray<string>): string => sha256Hex(JSON.stringify(names))

/** Rows of one statement. */
const chunk = 500

export const find = (sql: SqlClient, ids: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(
      Array.from({ length: Math.ceil(ids.length / chunk) }, (_, index) =>
        ids.slice(index * chunk, (index + 1) * chunk)
      ),
      (some) => Rows(sql`SELECT * FROM edge_certificates WHERE id IN ${sql.in(some)}`)
    ),
    (found) => found.flat()
  )

/** Of these lists of names, those with a certificate that needs no renewal yet, as hashes. */
export const findCurrent = Effect.fnUntraced(function* (
  sql: SqlClient,
  source: Source,
  hashes: ReadonlyArray<string>,
  now: number
) {
  const found = yield* Hashes(
    sql`SELECT names_hash FROM edge_certificates
      WHERE source = ${source} AND not_after > ${now} AND renew_at > ${now} AND names_hash IN ${sql.in(hashes)}`
  )
  return new Set(found.map(({ names_hash }) => names_hash))
})

/** Whether the host has a certificate of this public CA that needs no renewal yet. */
export const hasCurrent = (sql: SqlClient, host: string, directory: string, now: number) =>
  Effect.map(
    Ids(
      sql`SELECT id FROM edge_certificates
        WHERE source = 'acme' AND created_by = ${directory} AND not_after > ${now} AND renew_at > ${now}
          AND names_hash = ${hashOf([host])}`
    ),
    (found) => found.length > 0
  )

export const countOf = (sql: SqlClient, source: Source) =>
  Effect.map(
    Counts(sql`SELECT COUNT(*) AS count FROM edge_certificates WHERE source = ${source}`),
    ([row]) => row?.count ?? 0
  )

export const insert = (sql: SqlClient, rows: ReadonlyArray<CertificateRow>) =>
  Effect.forEach(
    rows,
    (row) =>
      sql`INSERT INTO edge_certificates ${sql.insert({
        ...row,
        names: JSON.stringify(row.names),
        names_hash: hashOf(row.names)
      })}`,
    { discard: true }
  )

/** The removed row. */
export const remove = (sql: SqlClient, id: string) =>
  Effect.map(Rows(sql`DELETE FROM edge_certificates WHERE id = ${id} RETURNING *`), ([row]) => row)

/** Whether it removed some. */
export const removeExpired = (sql: SqlClient, before: number) =>
  Effect.map(
    sql`DELETE FROM edge_certificates WHERE not_after < ${before} RETURNING id`,
    (removed) => removed.length > 0
  )

/** Certificates with these names that the given one replaces: of the same source, or of the local CA. */
export const removeReplaced = (sql: SqlClient, { id, names, source }: CertificateRow) =>
  sql`DELETE FROM edge_certificates
    WHERE source IN ${sql.in([source, "local_ca"])} AND names_hash = ${hashOf(names)} AND id <> ${id}`
