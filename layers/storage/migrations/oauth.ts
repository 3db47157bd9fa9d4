/** Tables of the OAuth server. Ids that are secrets are stored as SHA-256 hashes; times are in milliseconds since the epoch. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

export const oauth = Effect.gen(function* () {
  const sql = yield* SqlClient
  /** Operators and users who sign in. The name is compared in lower case. */
  yield* sql`CREATE TABLE oauth_accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    signed_in_at BIGINT
  )`
  /** Registered clients. Metadata with a client secret is encrypted. */
  yield* sql`CREATE TABLE oauth_clients (
    id TEXT PRIMARY KEY,
    metadata TEXT NOT NULL,
    sealed BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
  )`
  yield* sql`CREATE INDEX oauth_clients_used ON oauth_clients (used_at)`
  /** Sessions, interactions, grants, codes and tokens. */
  yield* sql`CREATE TABLE oauth_records (
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,
    grant_id TEXT,
    uid TEXT,
    account TEXT,
    client TEXT,
    expires_at BIGINT,
    consumed_at BIGINT,
    PRIMARY KEY (model, id)
  )`
  yield* sql`CREATE INDEX oauth_records_grant ON oauth_records (grant_id)`
  yield* sql`CREATE INDEX oauth_records_uid ON oauth_records (uid)`
  yield* sql`CREATE INDEX oauth_records_account ON oauth_records (account)`
  yield* sql`CREATE INDEX oauth_records_client ON oauth_records (client)`
  yield* sql`CREATE INDEX oauth_records_expires ON oauth_records (expires_at)`
  /** Keys that sign ID tokens (`signing`) and cookies (`cookies`), encrypted. A key is used from `active_at` on. */
  yield* sql`CREATE TABLE oauth_keys (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    sealed TEXT NOT NULL,
    active_at BIGINT NOT NULL
  )`
})
