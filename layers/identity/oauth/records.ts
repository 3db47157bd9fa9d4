/** Sessions, interactions, grants, codes and tokens of the OAuth server in the database: the storage adapter of oidc-provider. */
import { Clock, Effect, Schema } from "effect"
import type { SchemaError } from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Adapter, AdapterPayload } from "oidc-provider"
import { sha256 } from "../../platform/digest.ts"
import * as promiseLocal from "../../platform/promiseLocal.ts"
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

/** A code or a refresh token that another request has used. */
export class AlreadyUsed extends Schema.TaggedError<AlreadyUsed>()("AlreadyUsed", {}) {
  override get message() {
    return "it was already used"
  }
}

/** A refresh token that another request has used: its family is revoked. */
class Replayed extends Schema.TaggedError<Replayed>()("Replayed", {
  model: Schema.String,
  id: Schema.String
}) {}

type Write = (sql: SqlClient) => Effect.Effect<unknown, SqlError | SchemaError | AlreadyUsed | Replayed>

/** Writes of one request, which are committed together. */
export interface Changes {
  readonly writes: Array<Write>
  /** Grants whose records are removed. */
  readonly grants: Set<string>
  /** Whether access tokens are revoked. */
  revokes: boolean
}
export const noChanges = (): Changes => ({ writes: [], grants: new Set(), revokes: false })
const changesOf = promiseLocal.make<Changes>()

/**
 * Transactions that remove records of one grant wait for each other here, before they lock anything else: PostgreSQL would
 * find them in a deadlock, after a second each.
 */
const lockGrant = (sql: SqlClient, grant: string) =>
  sql.onDialectOrElse({
    pg: () =>
      Effect.asVoid(sql`SELECT 1 FROM oauth_records WHERE model = 'Grant' AND id = ${grant} FOR UPDATE`),
    orElse: () => Effect.void
  })

/** `onRevoked` runs after access tokens were revoked. */
export const make = Effect.fnUntraced(function* (onRevoked: Effect.Effect<void>) {
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

  /** Removes the grant of a record, and all records of that grant. */
  const removeFamily = Effect.fnUntraced(function* (sql: SqlClient, model: string, stored: string) {
    const [found] = yield* GrantRows(
      sql`SELECT grant_id FROM oauth_records WHERE model = ${model} AND id = ${stored} AND grant_id IS NOT NULL`
    )
    if (found === undefined) return
    yield* lockGrant(sql, found.grant_id)
    yield* sql`DELETE FROM oauth_records
      WHERE grant_id = ${found.grant_id} OR (model = 'Grant' AND id = ${found.grant_id})`
  })

  /**
   * Writes in one transaction. Only one of several callers, also of several processes, uses a code or a refresh token. A refresh
   * token that others use at the same time is replayed as well as one that is used later: its family is revoked (RFC 9700,
   * section 4.14.2).
   */
  const commit = (changes: Changes) =>
    write((sql) =>
      Effect.andThen(
        Effect.forEach([...changes.grants].toSorted(), (grant) => lockGrant(sql, grant), { discard: true }),
        Effect.forEach(changes.writes, (change) => change(sql), { discard: true })
      )
    ).pipe(
      Effect.andThen(changes.revokes ? onRevoked : Effect.void),
      Effect.catchTag("Replayed", ({ id, model }) =>
        Effect.all(
          [write((sql) => removeFamily(sql, model, id)), onRevoked, Effect.fail(new AlreadyUsed())],
          {
            discard: true
          }
        )
      )
    )

  const submit = (given: Changes | undefined, change: Write, revokes = false, grant?: string) => {
    const changes = given ?? noChanges()
    changes.writes.push(change)
    if (grant !== undefined) changes.grants.add(grant)
    if (revokes) changes.revokes = true
    return given === undefined ? commit(changes) : Effect.void
  }

  const upsert = (
    model: string,
    id: string,
    payload: AdapterPayload,
    expiresIn: number | undefined,
    changes: Changes | undefined
  ) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const values = { ...payload } as Readonly<Record<string, unknown>>
      const encoded = yield* Effect.orDie(encodePayload(withoutSecrets(model, values)))
      if (model === "Interaction") yield* makeRoom
      const expires = expiresIn === undefined ? null : now + expiresIn * 1000
      yield* submit(
        changes,
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

  const remove = (model: string, id: string, changes: Changes | undefined) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const stored = storedId(model, id)
      return submit(
        changes,
        (sql) =>
          model === "Interaction"
            ? Effect.andThen(
                sql`DELETE FROM oauth_records WHERE model = ${endedInteraction} AND id = ${stored}`,
                sql`UPDATE oauth_records SET model = ${endedInteraction}, expires_at = ${now + endedFor}
                WHERE model = ${model} AND id = ${stored}`
              )
            : sql`DELETE FROM oauth_records WHERE model = ${model} AND id = ${stored}`,
        model === "AccessToken"
      )
    })

  const consume = (model: string, id: string, changes: Changes | undefined) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const stored = storedId(model, id)
      return submit(changes, (sql) =>
        Effect.flatMap(
          sql`UPDATE oauth_records SET consumed_at = ${now}
            WHERE model = ${model} AND id = ${stored} AND consumed_at IS NULL RETURNING id`,
          (taken) => {
            if (taken.length > 0) return Effect.void
            return Effect.fail(
              model === "RefreshToken" ? new Replayed({ model, id: stored }) : new AlreadyUsed()
            )
          }
        )
      )
    })

  const revoke = (model: string, grant: string, changes: Changes | undefined) =>
    submit(
      changes,
      (sql) => sql`DELETE FROM oauth_records WHERE model = ${model} AND grant_id = ${grant}`,
      model === "AccessToken",
      grant
    )

  /** The adapter of one model. */
  const adapter = (model: string): Adapter => ({
    upsert: (id, payload, expiresIn) => run(upsert(model, id, payload, expiresIn, changesOf.get())),
    find: (id) => run(find(model, "id", storedId(model, id), id)),
    findByUid: (uid) => run(find(model, "uid", uid)),
    findByUserCode: async () => undefined,
    consume: (id) => run(consume(model, id, changesOf.get())),
    destroy: (id) => run(remove(model, id, changesOf.get())),
    revokeByGrantId: (grant) => run(revoke(model, grant, changesOf.get()))
  })
  return {
    adapter,
    /** Collects the writes of a request, which are not seen before they are committed. */
    collect: <A>(changes: Changes, work: () => Promise<A>) => changesOf.run(changes, work),
    /** Fails with `AlreadyUsed`, and without a change, if another request has used the code or the refresh token. */
    commit,
    /** Ends the session of a browser; the library knows its id from the cookie only. */
    endSession: (uid: string) =>
      Effect.asVoid(write((sql) => sql`DELETE FROM oauth_records WHERE model = 'Session' AND uid = ${uid}`)),
    /** Parameters of the authorization request of an interaction that has ended a short time ago. */
    ended: (uid: string) =>
      Effect.map(find(endedInteraction, "id", storedId(endedInteraction, uid)), (found) => found?.params)
  }
})
