/** Removes what was encrypted with a lost key: certificates, roots of the local CA, and ACME accounts and orders; and roots with the key of another certificate. */
import { Effect } from "effect"
import { Audit } from "../../audit/Audit.ts"
import { isKeyOf } from "../../http/certificateChain.ts"
import { Sql } from "../../storage/Sql.ts"
import { countChange, lockCertificates } from "./certificateRows.ts"
import { type Author, CertificateStore } from "./CertificateStore.ts"
import { listKeys, type Table, tables } from "./sealedKeys.ts"

/** Number of rows that were removed, by table. A row that another key decrypts is one of them. */
export const removeUnreadable = Effect.fn("certificates.removeUnreadable")(function* (by: Author) {
  const sql = yield* Sql
  const audit = yield* Audit
  const store = yield* CertificateStore

  const unreadable = Effect.fnUntraced(function* (each: Table) {
    const rows = yield* sql.read((client) => listKeys(client, each))
    const found = yield* Effect.filter(rows, ({ certificate, id, sealed_key }) =>
      store.open(`${each.table}/${id}`, sealed_key).pipe(
        Effect.flatMap((key) => (certificate === null ? Effect.succeed(true) : isKeyOf(certificate, key))),
        Effect.map((isUsable) => !isUsable),
        Effect.catchTag("KeysUnreadable", () => Effect.succeed(true))
      )
    )
    return { ...each, ids: found.map((row) => row.id) }
  })

  const found = yield* Effect.forEach(tables, unreadable)
  const removed = Object.fromEntries(found.map(({ ids, table }) => [table, ids.length]))
  if (found.every(({ ids }) => ids.length === 0)) return removed
  yield* sql.write((client) =>
    Effect.gen(function* () {
      yield* lockCertificates(client)
      for (const { id, ids, table } of found) {
        for (const each of ids) yield* client`DELETE FROM ${client(table)} WHERE ${client(id)} = ${each}`
      }
      yield* audit.record(client, {
        actor: by.actor,
        action: "certificate.reset",
        outcome: "succeeded",
        details: removed
      })
      yield* countChange(client)
    })
  )
  return removed
})
