/** Tables of the ledger and of budgets. Money is in units of 1e-12 USD, time in milliseconds since the epoch, hours in UTC. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

export const usage = Effect.gen(function* () {
  const sql = yield* SqlClient
  /** One row for each call that spent something, and for each call of a model. */
  yield* sql`CREATE TABLE usage_calls (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    tool TEXT,
    source TEXT NOT NULL,
    principal TEXT NOT NULL,
    client TEXT NOT NULL,
    session TEXT,
    conversation TEXT,
    provider TEXT,
    model TEXT,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_input_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    unpriced INTEGER NOT NULL,
    uncertain INTEGER NOT NULL,
    latency_ms DOUBLE PRECISION,
    time_to_first_token_ms DOUBLE PRECISION,
    outcome TEXT,
    error_class TEXT
  )`
  yield* sql`CREATE INDEX usage_calls_at ON usage_calls (at)`
  yield* sql`CREATE INDEX usage_calls_principal ON usage_calls (source, principal, at)`
  /** Money that is held for running calls: one row for each hour in which a call began to hold some. */
  yield* sql`CREATE TABLE usage_holds (
    call_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    lease_until BIGINT NOT NULL,
    at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    tool TEXT,
    source TEXT NOT NULL,
    principal TEXT NOT NULL,
    client TEXT NOT NULL,
    session TEXT,
    conversation TEXT,
    PRIMARY KEY (call_id, hour)
  )`
  yield* sql`CREATE INDEX usage_holds_lease ON usage_holds (lease_until)`
  /** What was spent in each hour: by everybody (an empty source and principal) and by each principal; hour -1 is the sum of all. */
  yield* sql`CREATE TABLE usage_spent (
    source TEXT NOT NULL,
    principal TEXT NOT NULL,
    hour BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (source, principal, hour)
  )`
})
