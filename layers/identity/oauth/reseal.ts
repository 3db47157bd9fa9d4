/** Encrypts rows of the OAuth server again, after `auth.oauth.secret` was set instead of a key file. */
import { Effect, Schema } from "effect"
import { rowsOf } from "../../storage/rows.ts"
import { type Sealing, sealedAgain } from "../../storage/sealing.ts"
import { Sql } from "../../storage/Sql.ts"
import * as clients from "./clients.ts"
import * as keys from "./keys.ts"

const KeyRows = rowsOf(Schema.Struct({ id: Schema.String, purpose: keys.Purpose, sealed: Schema.String }))
const ClientRows = rowsOf(Schema.Struct({ id: Schema.String, metadata: Schema.String }))

/**
 * Rows under the previous key get the current one, in one transaction. Others stay: several instances may do this at the same
 * time, and each has the key file that it had before.
 */
export const reseal = Effect.fnUntraced(function* (previous: Sealing, current: Sealing) {
  const { write } = yield* Sql

  const again = sealedAgain(previous, current)

  return yield* write((sql) =>
    Effect.gen(function* () {
      yield* keys.lock(sql)
      let changed = 0
      for (const { id, purpose, sealed } of yield* KeyRows(sql`SELECT id, purpose, sealed FROM oauth_keys`)) {
        const next = yield* again(keys.rowName(id, purpose), sealed)
        if (next === undefined) continue
        yield* sql`UPDATE oauth_keys SET sealed = ${next} WHERE id = ${id}`
        changed++
      }
      const rows = yield* ClientRows(sql`SELECT id, metadata FROM oauth_clients WHERE sealed = 1`)
      for (const { id, metadata } of rows) {
        const next = yield* again(clients.rowName(id), metadata)
        if (next === undefined) continue
        yield* sql`UPDATE oauth_clients SET metadata = ${next} WHERE id = ${id}`
        changed++
      }
      return changed
    })
  )
})
