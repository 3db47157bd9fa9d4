/** Registered clients of the OAuth server in the database, limited in number. */
import { Clock, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Adapter, AdapterPayload } from "oidc-provider"
import { sha256 } from "../../platform/digest.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import type { Sealing } from "../../storage/sealing.ts"
import { Sql } from "../../storage/Sql.ts"

/** Milliseconds between two updates of the time of a client's last use. */
const usedInterval = 60 * 60_000

/** No room for another client, because each of them has a grant of a user. */
export class TooManyClients extends Schema.TaggedError<TooManyClients>()("TooManyClients", {
  max: Schema.Finite
}) {
  override get message() {
    return `The OAuth server has ${this.max} registered clients, and each is in use. Raise auth.oauth.max_clients.`
  }
}

const Metadata = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
const encode = Schema.encodeEffect(Metadata)
const decode = Schema.decodeEffect(Metadata)

const ClientRows = rowsOf(Schema.Struct({ metadata: Schema.String, sealed: Count, used_at: Count }))
const CountRows = rowsOf(Schema.Struct({ count: Count }))
const IdRows = rowsOf(Schema.Struct({ id: Schema.String }))

/** Sorts keys and lists, so that equal metadata has one form. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value))
    return value.map(canonical).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, canonical(each)])
  )
}

/**
 * The id of a client without a secret follows from its metadata: a client that registers again is the same client. One with
 * a secret gets another id at each registration, because a second caller must not learn its secret.
 */
export const clientId = (metadata: unknown): string =>
  Buffer.from(sha256(JSON.stringify(canonical(metadata))))
    .toString("base64url")
    .slice(0, 32)

/** The name that binds an encrypted row to its client. */
export const rowName = (id: string) => `oauth_clients/${id}`

/** The registration of a client cannot be decrypted. */
class ClientDamaged extends Schema.TaggedError<ClientDamaged>()("ClientDamaged", { id: Schema.String }) {
  override get message() {
    return `the registration of the OAuth client ${this.id} is damaged; the client must register again`
  }
}

export const make = Effect.fnUntraced(function* (sealing: Sealing, max: number) {
  const { read, write } = yield* Sql
  const run = Effect.runPromiseWith(yield* Effect.context<never>())

  /** Removes the client that was not used for the longest time and that no user has granted anything. */
  const makeRoom = Effect.fnUntraced(function* (sql: SqlClient, id: string) {
    const [others] = yield* CountRows(sql`SELECT COUNT(*) AS count FROM oauth_clients WHERE id <> ${id}`)
    if ((others?.count ?? 0) < max) return
    const [unused] = yield* IdRows(
      sql`SELECT id FROM oauth_clients WHERE id <> ${id}
        AND NOT EXISTS (SELECT 1 FROM oauth_records WHERE client = oauth_clients.id AND model = 'Grant')
        ORDER BY used_at LIMIT 1`
    )
    if (unused === undefined) return yield* new TooManyClients({ max })
    yield* sql`DELETE FROM oauth_clients WHERE id = ${unused.id}`
  })

  const upsert = (id: string, payload: AdapterPayload) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      // A stored scope would limit the client to it, also at a step-up.
      const { scope: _, ...metadata } = payload as Readonly<Record<string, unknown>>
      const encoded = yield* Effect.orDie(encode(metadata))
      const sealed = metadata["client_secret"] !== undefined
      const stored = sealed
        ? Buffer.from(yield* sealing.seal(rowName(id), encoded)).toString("base64")
        : encoded
      yield* write((sql) =>
        Effect.andThen(
          makeRoom(sql, id),
          sql`INSERT INTO oauth_clients ${sql.insert({
            id,
            metadata: stored,
            sealed: sealed ? 1 : 0,
            created_at: now,
            used_at: now
          })} ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, used_at = excluded.used_at`
        )
      )
    })

  const find = (id: string) =>
    Effect.gen(function* () {
      const [row] = yield* ClientRows(
        read((sql) => sql`SELECT metadata, sealed, used_at FROM oauth_clients WHERE id = ${id}`)
      )
      if (row === undefined) return undefined
      const opened =
        row.sealed === 0
          ? row.metadata
          : yield* Effect.mapError(
              sealing.open(rowName(id), Buffer.from(row.metadata, "base64")),
              () => new ClientDamaged({ id })
            )
      const now = yield* Clock.currentTimeMillis
      if (now - row.used_at > usedInterval) {
        yield* write((sql) => sql`UPDATE oauth_clients SET used_at = ${now} WHERE id = ${id}`)
      }
      // Written by `upsert` from metadata that the library has checked.
      return (yield* Effect.orDie(decode(opened))) as AdapterPayload
    })

  const remove = (id: string) => write((sql) => sql`DELETE FROM oauth_clients WHERE id = ${id}`)

  const adapter: Adapter = {
    upsert: (id, payload) => run(upsert(id, payload)),
    find: (id) => run(find(id)),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    consume: async () => undefined,
    destroy: async (id) => void (await run(remove(id))),
    revokeByGrantId: async () => undefined
  }
  return adapter
})
