/** Tables of conversations. Texts that callers choose are stored as JSON: PostgreSQL has no U+0000 in texts. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

export const chat = Effect.gen(function* () {
  const sql = yield* SqlClient
  /** Processes that run turns. A turn whose process has no row, or a lease that has ended, was interrupted. */
  yield* sql`CREATE TABLE chat_instances (
    id TEXT PRIMARY KEY,
    lease_until BIGINT NOT NULL
  )`
  /** What follows from the events of each conversation. The last three columns are null if no turn runs. */
  yield* sql`CREATE TABLE chat_conversations (
    id TEXT PRIMARY KEY,
    principal_hash TEXT NOT NULL,
    principal TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    title TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    running_request TEXT,
    running_seq BIGINT,
    owner TEXT
  )`
  yield* sql`CREATE INDEX chat_conversations_principal ON chat_conversations (principal_hash)`
  /** Messages of users have a claim: the hash of their principal and request id. */
  yield* sql`CREATE TABLE chat_events (
    conversation TEXT NOT NULL REFERENCES chat_conversations (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    hop BIGINT NOT NULL,
    size BIGINT NOT NULL,
    claim TEXT UNIQUE,
    event TEXT NOT NULL,
    PRIMARY KEY (conversation, seq)
  )`
})
