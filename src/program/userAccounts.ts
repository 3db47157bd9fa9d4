/** Accounts of the OAuth server without a running server, for `manifold user`. */
import { Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { Accounts } from "../../layers/identity/oauth/Accounts.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { grounded } from "./baseLayers.ts"

export const userAccounts = Accounts.layer.pipe(
  Layer.provideMerge(Audit.layer),
  Layer.provideMerge(Sql.layer),
  Layer.provideMerge(Storage.layer),
  Layer.provideMerge(grounded)
)
