/** Tables with encrypted private keys. The name that a key is bound to is that of its row. */
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { rowsOf } from "../../storage/rows.ts"
import { type Sealing, sealedAgain } from "../../storage/sealing.ts"
import { Sql } from "../../storage/Sql.ts"
import { lockCertificates } from "./certificateRows.ts"

/** Tables, and the column that identifies a row. */
export const tables = [
  { table: "edge_certificates", id: "id" },
  { table: "edge_authorities", id: "id" },
  { table: "edge_acme_accounts", id: "directory" },
  { table: "edge_acme_orders", id: "host" }
] as const
export type Table = (typeof tables)[number]

const Rows = rowsOf(
  Schema.Struct({ id: Schema.String, sealed_key: Schema.String, certificate: Schema.NullOr(Schema.String) })
)

/** With the certificate of a root of the local CA; null for others. */
export const listKeys = (sql: SqlClient, { id, table }: Table) =>
  Rows(
    sql`SELECT ${sql(id)} AS id, sealed_key, ${table === "edge_authorities" ? sql`certificate` : sql`NULL AS certificate`}
      FROM ${sql(table)} WHERE sealed_key IS NOT NULL`
  )

/** Number of keys under the previous key that got the current one, in one transaction. Others stay. */
export const reseal = Effect.fnUntraced(function* (previous: Sealing, current: Sealing) {
  const { write } = yield* Sql
  const again = sealedAgain(previous, current)
  return yield* write((sql) =>
    Effect.gen(function* () {
      yield* lockCertificates(sql)
      let changed = 0
      for (const each of tables) {
        for (const { id, sealed_key } of yield* listKeys(sql, each)) {
          const next = yield* again(`${each.table}/${id}`, sealed_key)
          if (next === undefined) continue
          yield* sql`UPDATE ${sql(each.table)} SET sealed_key = ${next} WHERE ${sql(each.id)} = ${id}`
          changed++
        }
      }
      return changed
    })
  )
})
