/** Keys of the OAuth server in the database, encrypted and rotated: for the signatures of ID tokens and of cookies. */
import { Clock, Duration, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { exportJWK, generateKeyPair, type JWK } from "jose"
import { Ids } from "../../platform/Ids.ts"
import { Count, rowsOf } from "../../storage/rows.ts"
import type { Sealing } from "../../storage/sealing.ts"
import { Sql } from "../../storage/Sql.ts"

/** Age at which a key is replaced. */
const rotation = Duration.toMillis("30 days")
/** A new key is published this long before it is used, so that other instances and clients know it. */
const announced = Duration.toMillis("1 hour")
/** How long a replaced key is still accepted: longer than a session and an ID token live. */
const retired = Duration.toMillis("60 days")

export const signatureAlgorithm = "ES256"

export class KeysUnreadable extends Schema.TaggedError<KeysUnreadable>()("KeysUnreadable", {}) {
  override get message() {
    return (
      "The keys of the OAuth server in the database were encrypted with another key. Set auth.oauth.secret to the same value on " +
      "all instances that share the database; or copy the file keys/oauth from the state folder of the instance that was started first."
    )
  }
}

export interface Keys {
  /** Private keys of ID tokens; the first one signs. */
  readonly signing: ReadonlyArray<JWK>
  /** The first one signs cookies, the others are accepted. */
  readonly cookies: ReadonlyArray<string>
  /** Changes with the keys. */
  readonly version: string
}

const purposes = ["signing", "cookies"] as const
export const Purpose = Schema.Literals(purposes)
type Purpose = typeof Purpose.Type

const KeyRows = rowsOf(
  Schema.Struct({
    id: Schema.String,
    purpose: Purpose,
    sealed: Schema.String,
    active_at: Count
  })
)
type KeyRow = Effect.Success<ReturnType<typeof KeyRows>>[number]

const Jwk = Schema.fromJsonString(
  Schema.Struct({
    kty: Schema.String,
    kid: Schema.String,
    use: Schema.String,
    alg: Schema.String,
    crv: Schema.String,
    x: Schema.String,
    y: Schema.String,
    d: Schema.String
  })
)
const decodeJwk = Schema.decodeEffect(Jwk)

export const rowName = (id: string, purpose: Purpose) => `oauth_keys/${purpose}/${id}`

/** PostgreSQL: other instances wait here, and then see the changed keys. */
export const lock = (sql: SqlClient) =>
  sql.onDialectOrElse({
    pg: () => sql`LOCK TABLE oauth_keys IN EXCLUSIVE MODE`,
    orElse: () => Effect.void
  })

export const make = Effect.fnUntraced(function* (sealing: Sealing) {
  const { write } = yield* Sql
  const ids = yield* Ids

  /** The text that is encrypted: a private JWK, or random bytes. */
  const generate = Effect.fnUntraced(function* (purpose: Purpose, id: string) {
    if (purpose === "cookies") return Buffer.from(yield* ids.secret(32)).toString("base64url")
    const jwk = yield* Effect.promise(async () =>
      exportJWK((await generateKeyPair(signatureAlgorithm, { extractable: true })).privateKey)
    )
    return JSON.stringify({ ...jwk, kid: id, use: "sig", alg: signatureAlgorithm })
  })

  const open = ({ id, purpose, sealed }: KeyRow) =>
    Effect.mapError(
      sealing.open(rowName(id, purpose), Buffer.from(sealed, "base64")),
      () => new KeysUnreadable()
    )

  /** The keys now. Generates the first ones and replaces old ones, in one transaction for all instances. */
  const read = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const rows = yield* write((sql) =>
      Effect.gen(function* () {
        const all = () => KeyRows(sql`SELECT * FROM oauth_keys ORDER BY active_at DESC, id DESC`)
        yield* lock(sql)
        const before = yield* all()
        for (const purpose of purposes) {
          const newest = before.find((row) => row.purpose === purpose)
          if (newest !== undefined && now - newest.active_at < rotation) continue
          const id = yield* ids.next
          const sealed = yield* sealing.seal(rowName(id, purpose), yield* generate(purpose, id))
          yield* sql`INSERT INTO oauth_keys ${sql.insert({
            id,
            purpose,
            sealed: Buffer.from(sealed).toString("base64"),
            active_at: newest === undefined ? now : now + announced
          })}`
        }
        yield* sql`DELETE FROM oauth_keys WHERE active_at < ${now - rotation - retired}`
        return yield* all()
      })
    )
    /** Active keys first, the newest of them at the front. */
    const ordered = (purpose: Purpose) => {
      const own = rows.filter((row) => row.purpose === purpose)
      return [...own.filter((row) => row.active_at <= now), ...own.filter((row) => row.active_at > now)]
    }
    const signing = yield* Effect.forEach(ordered("signing"), (row) =>
      Effect.flatMap(open(row), (text) => Effect.orDie(decodeJwk(text)))
    )
    const cookies = yield* Effect.forEach(ordered("cookies"), open)
    const version = [...ordered("signing"), ...ordered("cookies")].map(({ id }) => id).join(" ")
    return { signing, cookies, version } satisfies Keys
  })
  return { read }
})
