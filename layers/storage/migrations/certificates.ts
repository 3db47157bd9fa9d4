/** Tables of certificates: chains with encrypted private keys, local authorities, ACME accounts, orders and challenges, and leases. */
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

export const certificates = Effect.gen(function* () {
  const sql = yield* SqlClient
  /** Never updated: a renewal is another row. `names` is JSON, `names_hash` its SHA-256. `renew_at` is null for uploaded ones. Times are in milliseconds since the epoch. */
  yield* sql`CREATE TABLE edge_certificates (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    names TEXT NOT NULL,
    names_hash TEXT NOT NULL,
    chain TEXT NOT NULL,
    sealed_key TEXT NOT NULL,
    issuer TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    renew_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
  )`
  yield* sql`CREATE INDEX edge_certificates_names ON edge_certificates (names_hash)`
  yield* sql`CREATE INDEX edge_certificates_not_after ON edge_certificates (not_after)`
  /** Root certificates of the local CA. The newest one issues. */
  yield* sql`CREATE TABLE edge_authorities (
    id TEXT PRIMARY KEY,
    certificate TEXT NOT NULL,
    sealed_key TEXT NOT NULL,
    not_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL
  )`
  yield* sql`CREATE TABLE edge_acme_accounts (
    directory TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    sealed_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
  )`
  /** The order of a host that is being issued, or its last failure. `sealed_key` is the key of the certificate to come. */
  yield* sql`CREATE TABLE edge_acme_orders (
    host TEXT PRIMARY KEY,
    directory TEXT NOT NULL,
    order_url TEXT,
    sealed_key TEXT,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    next_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
  )`
  /** What any instance answers at /.well-known/acme-challenge/. */
  yield* sql`CREATE TABLE edge_acme_challenges (
    token TEXT PRIMARY KEY,
    key_authorization TEXT NOT NULL,
    expires_at BIGINT NOT NULL
  )`
  yield* sql`CREATE TABLE edge_leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL
  )`
  /** One row. Counts changes of certificates and orders, so that instances notice them. */
  yield* sql`CREATE TABLE edge_revision (
    revision BIGINT NOT NULL
  )`
  yield* sql`INSERT INTO edge_revision VALUES (0)`
})
