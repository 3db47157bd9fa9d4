/** Looks for callers who can authenticate without a token of the configuration: stored tokens and accounts. */
import { Effect, Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { CredentialVerifiers } from "../../layers/identity/CredentialVerifiers.ts"
import { Accounts } from "../../layers/identity/oauth/Accounts.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { databaseExists } from "../../layers/storage/databaseExists.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"

const stored = Layer.merge(StoredTokens.layer, Accounts.layer).pipe(
  Layer.provideMerge(CredentialVerifiers.layer),
  Layer.provide(Audit.layer),
  Layer.provide(Sql.layer)
)

const unknown = () => Effect.succeed(true)

/** False without a database, which is not created; true if it cannot be read, which the service reports at its start. */
export const hasStoredCaller = Effect.gen(function* () {
  if (!(yield* databaseExists)) return false
  const found = Effect.gen(function* () {
    const tokens = yield* (yield* CredentialVerifiers).usable
    return tokens || (yield* (yield* Accounts).list).length > 0
  })
  return yield* Effect.provide(found, stored)
}).pipe(
  Effect.provide(Storage.layer),
  Effect.catchTags({
    DatabaseError: unknown,
    PlatformError: unknown,
    StorageError: unknown,
    VerifierUnavailable: unknown
  })
)
