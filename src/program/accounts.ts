/** Accounts at upstream servers for commands: stored credentials, and sign-ins with a callback on this machine. */
import { Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import { OwnInstance } from "../catalog/OwnInstance.ts"

export const accounts = Layer.mergeAll(
  Credentials.layer,
  SignIns.layer,
  Dns.layer,
  OwnInstance.layer(Storage)
).pipe(
  Layer.provide(Layer.merge(Quotas.layer, Audit.layer)),
  Layer.provide(Sql.layer),
  Layer.provide(Storage.layer)
)
