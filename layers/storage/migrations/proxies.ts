/** Tables of the edge: published applications, and the last changes, by which instances follow and administrators undo. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

export const proxies = Effect.gen(function* () {
  const sql = yield* SqlClient
  /** `options` is JSON, `revision` that of the last change. Times are milliseconds since the epoch. */
  yield* sql`CREATE TABLE edge_proxies (
    hostname TEXT PRIMARY KEY,
    target_url TEXT NOT NULL,
    options TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
  )`
  /** `revision` counts from 1 without gaps. The states are JSON or null; `undoes` is the revision that the change reverts. */
  yield* sql`CREATE TABLE edge_proxy_changes (
    revision BIGINT PRIMARY KEY,
    hostname TEXT NOT NULL,
    before_state TEXT,
    after_state TEXT,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    undoes BIGINT
  )`
})
