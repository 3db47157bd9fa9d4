/** Counts the stored keys of the OAuth server that this instance cannot decrypt. Creates no key. */
import { Effect, Schema } from "effect"
import { rowsOf } from "../../storage/rows.ts"
import * as sealings from "../../storage/sealing.ts"
import { Sql } from "../../storage/Sql.ts"
import * as keys from "./keys.ts"
import { knownSecrets } from "./secret.ts"

const KeyRows = rowsOf(Schema.Struct({ id: Schema.String, purpose: keys.Purpose, sealed: Schema.String }))

export const unreadableKeys = Effect.gen(function* () {
  const { read } = yield* Sql
  const rows = yield* KeyRows(read((sql) => sql`SELECT id, purpose, sealed FROM oauth_keys`))
  const ciphers = yield* Effect.forEach(yield* knownSecrets, sealings.make)
  const readable = yield* Effect.filter(rows, ({ id, purpose, sealed }) =>
    Effect.map(
      Effect.forEach(ciphers, (cipher) =>
        Effect.isSuccess(cipher.open(keys.rowName(id, purpose), Buffer.from(sealed, "base64")))
      ),
      (opened) => opened.includes(true)
    )
  )
  return { total: rows.length, unreadable: rows.length - readable.length }
})
