/** The ACME account of this installation at a CA: its key is generated once and kept in the database. */
import { Clock, Effect } from "effect"
import type { ConfiguredFetch } from "../../outbound/configuredFetch.ts"
import { Sql } from "../../storage/Sql.ts"
import * as rows from "../certificates/acmeRows.ts"
import { CertificateStore } from "../certificates/CertificateStore.ts"
import { type AcmeSettings, directoryUrl } from "../certificates/section.ts"
import * as AcmeClient from "./AcmeClient.ts"

const rowName = (directory: string) => `edge_acme_accounts/${directory}`

/** The client of the account, which is registered at the first use. The end of the scope aborts its requests. */
export const openAccount = Effect.fn("acme.openAccount")(function* (
  acme: AcmeSettings,
  fetch: ConfiguredFetch
) {
  const sql = yield* Sql
  const store = yield* CertificateStore
  const directory = directoryUrl(acme)
  const known = yield* sql.read((client) => rows.findAccount(client, directory))
  const key =
    known === undefined
      ? yield* AcmeClient.generateKey
      : yield* store.open(rowName(directory), known.sealed_key)
  const client = yield* AcmeClient.make(
    { directory, key, url: known?.url, externalAccount: acme.external_account },
    fetch
  )
  if (known !== undefined) return client
  const url = yield* client.register(acme.email)
  const sealed_key = yield* store.seal(rowName(directory), key)
  const created_at = yield* Clock.currentTimeMillis
  yield* sql.write((connection) => rows.saveAccount(connection, { directory, url, sealed_key, created_at }))
  return client
})
