/** Tables of the ledger and of budgets. Money is in units of 1e-12 USD, time in milliseconds since the epoch, hours in UTC. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

export const usage = Effect.gen(function* () {
  const sql = yield* SqlClient
  const whose = sql.literal(`
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    tool TEXT NOT NULL,
    source TEXT NOT NULL,
    principal TEXT NOT NULL,
    client TEXT NOT NULL,
    session TEXT NOT NULL,
    conversation TEXT NOT NULL`)
  const spent = sql.literal(`
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_input_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    uncertain BIGINT NOT NULL`)
  /** One row for each call of a model, and for each other call that spent something. Unknown values are empty texts. */
  yield* sql`CREATE TABLE usage_calls (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    ${whose},
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    ${spent},
    time_to_first_token_ms DOUBLE PRECISION,
    latency_ms DOUBLE PRECISION,
    outcome TEXT NOT NULL,
    error_class TEXT NOT NULL
  )`
  yield* sql`CREATE INDEX usage_calls_at ON usage_calls (at)`
  /** The sums of these rows by hour, so that reports need not read them all. */
  yield* sql`CREATE TABLE usage_hours (
    hour BIGINT NOT NULL,
    source TEXT NOT NULL,
    principal TEXT NOT NULL,
    client TEXT NOT NULL,
    tool TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    calls BIGINT NOT NULL,
    ${spent},
    PRIMARY KEY (hour, source, principal, client, tool, provider, model)
  )`
  /** Money that is held for running calls: one row for each hour in which a call began to hold some. */
  yield* sql`CREATE TABLE usage_holds (
    call_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    unpriced BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    instance TEXT NOT NULL,
    at BIGINT NOT NULL,
    ${whose},
    PRIMARY KEY (call_id, hour)
  )`
  yield* sql`CREATE INDEX usage_holds_instance ON usage_holds (instance)`
  /** Spent amounts by hour of the hold, for all principals (source and principal empty) and for each; hour -1 is the sum. */
  yield* sql`CREATE TABLE usage_spent (
    source TEXT NOT NULL,
    principal TEXT NOT NULL,
    hour BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (source, principal, hour)
  )`
})
