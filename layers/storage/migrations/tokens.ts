/** Tables of stored API tokens, and of tickets that browsers present once. Neither has a secret: only keyed hashes. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

export const tokens = Effect.gen(function* () {
  const sql = yield* SqlClient
  /** `pepper`: identifies the key of `hash`. Times are milliseconds since the epoch; lists and limits are JSON. */
  yield* sql`CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    pepper TEXT NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    scopes TEXT NOT NULL,
    ceiling TEXT NOT NULL,
    limits TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT,
    revoked_by TEXT
  )`
  yield* sql`CREATE UNIQUE INDEX api_tokens_name ON api_tokens (name) WHERE revoked_at IS NULL`
  yield* sql`CREATE INDEX api_tokens_subject ON api_tokens (subject)`
  /** `credential` and `principal` are those of the grant for which the ticket was made. */
  yield* sql`CREATE TABLE auth_tickets (
    hash TEXT PRIMARY KEY,
    credential TEXT NOT NULL,
    principal TEXT NOT NULL,
    path TEXT NOT NULL,
    expires_at BIGINT NOT NULL
  )`
  yield* sql`CREATE INDEX auth_tickets_principal ON auth_tickets (principal)`
  yield* sql`CREATE INDEX auth_tickets_expires_at ON auth_tickets (expires_at)`
})
