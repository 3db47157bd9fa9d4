/** Sessions, interactions, grants, codes and tokens of the OAuth server in the database: the storage adapter of oidc-provider. */
import { Clock, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Adapter, AdapterPayload } from "oidc-provider"
import { sha256 } from "../../platform/digest.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import { Sql } from "../../storage/Sql.ts"

/** Models whose ids are secrets: bearer tokens, and values of cookies. */
const secretModels: ReadonlySet<string> = new Set([
  "AccessToken",
  "AuthorizationCode",
  "RefreshToken",
  "Session",
  "Interaction"
])

/** Model of interactions that have ended, which are kept for a short time for browsers that repeat a request. */
export const endedInteraction = "EndedInteraction"

/** How long an ended interaction is kept, in milliseconds. */
const endedFor = 10 * 60_000

/**
 * A code that is presented again within this time, in milliseconds, is rejected without revoking the tokens of its first
 * use: the client has proved with PKCE that it is the same one, and probably repeats a request that timed out.
 */
const repeatWindow = 10_000

/** Sign-ins that have begun and not ended, of all callers. */
const maxInteractions = 10_000
/** Expired rows are removed, and the others counted, at every n-th sign-in. */
const countedEvery = 32

export class TooManyInteractions extends Schema.TaggedError<TooManyInteractions>()(
  "TooManyInteractions",
  {}
) {
  override get message() {
    return `More than ${maxInteractions} sign-ins have begun and were not finished.`
  }
}

/** The stored form of an id. */
export const storedId = (model: string, id: string): string =>
  secretModels.has(model) || model === endedInteraction ? Buffer.from(sha256(id)).toString("base64url") : id

const Payload = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
const RecordRows = rowsOf(Schema.Struct({ payload: Payload, consumed_at: Schema.NullOr(Count) }))
const CountRows = rowsOf(Schema.Struct({ count: Count }))
const GrantRows = rowsOf(Schema.Struct({ grant_id: Schema.String }))
const encodePayload = Schema.encodeEffect(Payload)

const text = (value: unknown) => (typeof value === "string" ? value : null)

/** Values that must not be stored in the clear, or are columns. */
const withoutSecrets = (model: string, payload: Readonly<Record<string, unknown>>) => {
  const { consumed: _, jti, session, ...rest } = payload
  // The id of the session is the value of its cookie.
  const { cookie: _cookie, ...own } = Object(session) as Record<string, unknown>
  return {
    ...rest,
    ...(session !== undefined && { session: own }),
    ...(!secretModels.has(model) && jti !== undefined && { jti })
  }
}

/** `used`: called when a code or refresh token was already used. It throws the error of the library. */
export const make = Effect.fnUntraced(function* (used: () => never) {
  const { read, write } = yield* Sql
  const run = Effect.runPromiseWith(yield* Effect.context<never>())

  let begun = 0
  let full = false
  /** Limits the rows that callers without an account can create. */
  const makeRoom = Effect.suspend(() => {
    if (begun++ % countedEvery !== 0 && !full) return Effect.void
    return Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const [found] = yield* write((sql) =>
        Effect.andThen(
          sql`DELETE FROM oauth_records WHERE expires_at < ${now}`,
          CountRows(sql`SELECT COUNT(*) AS count FROM oauth_records WHERE model = 'Interaction'`)
        )
      )
      full = (found?.count ?? 0) >= maxInteractions
      if (full) return yield* new TooManyInteractions()
    })
  })

  const upsert = (model: string, id: string, payload: AdapterPayload, expiresIn?: number) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const values = { ...payload } as Readonly<Record<string, unknown>>
      const encoded = yield* Effect.orDie(encodePayload(withoutSecrets(model, values)))
      if (model === "Interaction") yield* makeRoom
      const expires = expiresIn === undefined ? null : now + expiresIn * 1000
      yield* write(
        (sql) => sql`INSERT INTO oauth_records ${sql.insert({
          model,
          id: storedId(model, id),
          payload: encoded,
          grant_id: text(values["grantId"]),
          uid: text(values["uid"]),
          account: text(values["accountId"]) ?? text(Object(values["session"])["accountId"]),
          client: text(values["clientId"]),
          expires_at: expires
        })}
        ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
          uid = excluded.uid, account = excluded.account, client = excluded.client, expires_at = excluded.expires_at`
      )
    })

  /** `column`: the column that has the value. */
  const find = (model: string, column: "id" | "uid", value: string, id?: string) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const [row] = yield* RecordRows(
        read(
          (sql) => sql`SELECT payload, consumed_at FROM oauth_records
            WHERE model = ${model} AND ${sql(column)} = ${value} AND (expires_at IS NULL OR expires_at > ${now})`
        )
      )
      if (row === undefined) return undefined
      const { consumed_at: consumed, payload } = row
      const repeated = model === "AuthorizationCode" && consumed !== null && now - consumed < repeatWindow
      // Written by `upsert` from a payload of the same type.
      return {
        ...payload,
        ...(id !== undefined && secretModels.has(model) && { jti: id }),
        ...(consumed !== null && !repeated && { consumed: Math.floor(consumed / 1000) })
      } as AdapterPayload
    })

  const remove = (model: string, id: string) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* write((sql) =>
        Effect.gen(function* () {
          const stored = storedId(model, id)
          if (model === "Interaction") {
            yield* sql`DELETE FROM oauth_records WHERE model = ${endedInteraction} AND id = ${stored}`
            yield* sql`UPDATE oauth_records SET model = ${endedInteraction}, expires_at = ${now + endedFor}
              WHERE model = ${model} AND id = ${stored}`
          } else yield* sql`DELETE FROM oauth_records WHERE model = ${model} AND id = ${stored}`
        })
      )
    })

  /** Removes the grant of a record, and all records of that grant. */
  const removeFamily = Effect.fnUntraced(function* (sql: SqlClient, model: string, stored: string) {
    const [found] = yield* GrantRows(
      sql`SELECT grant_id FROM oauth_records WHERE model = ${model} AND id = ${stored} AND grant_id IS NOT NULL`
    )
    if (found === undefined) return
    yield* sql`DELETE FROM oauth_records
      WHERE grant_id = ${found.grant_id} OR (model = 'Grant' AND id = ${found.grant_id})`
  })

  /**
   * Only one of several callers, also of several processes, uses a code or a refresh token. A refresh token that others use at
   * the same time is replayed as well as one that is used later: its family is revoked (RFC 9700, section 4.14.2).
   */
  const consume = (model: string, id: string) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const stored = storedId(model, id)
      return yield* write((sql) =>
        Effect.gen(function* () {
          const taken = yield* sql`UPDATE oauth_records SET consumed_at = ${now}
            WHERE model = ${model} AND id = ${stored} AND consumed_at IS NULL RETURNING id`
          if (taken.length === 0 && model === "RefreshToken") yield* removeFamily(sql, model, stored)
          return taken.length > 0
        })
      )
    })

  const revoke = (model: string, grant: string) =>
    write((sql) => sql`DELETE FROM oauth_records WHERE model = ${model} AND grant_id = ${grant}`)

  /** The adapter of one model. */
  const adapter = (model: string): Adapter => ({
    upsert: (id, payload, expiresIn) => run(upsert(model, id, payload, expiresIn)),
    find: (id) => run(find(model, "id", storedId(model, id), id)),
    findByUid: (uid) => run(find(model, "uid", uid)),
    findByUserCode: async () => undefined,
    consume: async (id) => {
      if (!(await run(consume(model, id)))) used()
    },
    destroy: (id) => run(remove(model, id)),
    revokeByGrantId: async (grant) => void (await run(revoke(model, grant)))
  })
  return {
    adapter,
    /** Parameters of the authorization request of an interaction that has ended a short time ago. */
    ended: (uid: string) =>
      Effect.map(find(endedInteraction, "id", storedId(endedInteraction, uid)), (found) => found?.params)
  }
})
