/** The database that instances share: a `SqlClient` over a pool of connections to PostgreSQL. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, type Redacted } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"

/** Connects when a statement first needs it, and again after a loss. Integers of 64 bits are read as `bigint`. */
export const postgresClient = (url: Redacted.Redacted) =>
  PgClient.make({
    url,
    applicationName: "manifold",
    maxConnections: 8,
    minConnections: 0,
    connectTimeout: "2 seconds",
    idleTimeout: "1 minute"
  }).pipe(Effect.provide(Reactivity.layer))
