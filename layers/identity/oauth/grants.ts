/** Lists and revokes what accounts have granted to clients. */
import { Clock, Effect, Schema } from "effect"
import { rowsOf } from "../../storage/rows.ts"
import { Sql } from "../../storage/Sql.ts"

/** What an account has granted to one client. */
export interface StoredGrant {
  readonly id: string
  readonly client: string
  readonly scopes: ReadonlyArray<string>
}
const maxShown = 200
const GrantedRows = rowsOf(
  Schema.Struct({
    id: Schema.String,
    client: Schema.String,
    payload: Schema.fromJsonString(
      Schema.Struct({ resources: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)) })
    )
  })
)
/** `onRevoked` runs after access tokens were revoked. */
export const make = Effect.fnUntraced(function* (onRevoked: Effect.Effect<void>) {
  const { read, write } = yield* Sql
  return {
    /** What an account has granted to clients, the newest first; at most `maxShown`. */
    grantsOf: (account: string) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const rows = yield* GrantedRows(
          read(
            (sql) => sql`SELECT id, client, payload FROM oauth_records
              WHERE model = 'Grant' AND account = ${account} AND (expires_at IS NULL OR expires_at > ${now})
              ORDER BY expires_at DESC LIMIT ${maxShown}`
          )
        )
        return rows.map(({ client, id, payload }): StoredGrant => {
          const granted = Object.values(payload.resources ?? {}).flatMap((scopes) => scopes.split(" "))
          return { id, client, scopes: [...new Set(granted)] }
        })
      }),
    /** Removes a grant of the account, and all that was issued for it; false: there is none. */
    revokeGrant: (account: string, grant: string) =>
      Effect.gen(function* () {
        const removed = yield* write((sql) =>
          Effect.gen(function* () {
            const found = yield* sql`DELETE FROM oauth_records
              WHERE model = 'Grant' AND id = ${grant} AND account = ${account} RETURNING id`
            if (found.length === 0) return false
            yield* sql`DELETE FROM oauth_records WHERE grant_id = ${grant}`
            return true
          })
        )
        if (removed) yield* onRevoked
        return removed
      })
  }
})
