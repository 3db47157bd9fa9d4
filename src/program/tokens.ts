/** Stored API tokens without a running server, for `manifold token`. */
import { Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { CredentialVerifiers } from "../../layers/identity/CredentialVerifiers.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { grounded } from "./baseLayers.ts"

export const storedTokens = StoredTokens.layer.pipe(
  Layer.provide(CredentialVerifiers.layer),
  Layer.provideMerge(Audit.layer),
  Layer.provideMerge(Sql.layer),
  Layer.provideMerge(Storage.layer),
  Layer.provideMerge(grounded)
)
