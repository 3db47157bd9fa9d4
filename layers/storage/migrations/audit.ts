/** Tables of the audit log: rows that are chained by hashes, and the last row of the chain. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

export const audit = Effect.gen(function* () {
  const sql = yield* SqlClient
  // In SQLite, INTEGER PRIMARY KEY is the row's own key, which saves an index. It has 64 bits as well.
  const key = sql.onDialectOrElse({ pg: () => "BIGINT", orElse: () => "INTEGER" })
  /** `id` counts from 1 without gaps. `at` is milliseconds since the epoch, `details` JSON. */
  yield* sql`CREATE TABLE audit_rows (
    id ${sql.literal(key)} PRIMARY KEY,
    at BIGINT NOT NULL,
    subject TEXT NOT NULL,
    client TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    request_id TEXT NOT NULL,
    details TEXT NOT NULL,
    hash TEXT NOT NULL
  )`
  /** One row. Writers lock it, so that each appends to the row before. */
  yield* sql`CREATE TABLE audit_head (
    id BIGINT NOT NULL,
    hash TEXT NOT NULL
  )`
  yield* sql`INSERT INTO audit_head VALUES (0, ${"0".repeat(64)})`
})
