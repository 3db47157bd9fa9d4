/** Stored tokens of a test: a program's own `StoredTokens` and `Authenticator` over a database. */
import { Effect, Layer, Logger, Redacted, Schema } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { CredentialVerifiers } from "../../layers/identity/CredentialVerifiers.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { NewToken } from "../../layers/identity/tokens/StoredToken.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import type { StorageSettings } from "./databases.ts"

/** One instance: its own connection to the database of these settings. */
export const instanceOf = (storage: StorageSettings, auth: Readonly<Record<string, unknown>> = {}) =>
  Layer.fresh(
    Layer.merge(Authenticator.layer, StoredTokens.layer).pipe(
      Layer.provideMerge(CredentialVerifiers.layer),
      Layer.provideMerge(Audit.layer),
      Layer.provideMerge(Sql.layer),
      Layer.provideMerge(Storage.layer),
      Layer.provideMerge(ConfigSource.layerFrom({ storage, auth })),
      Layer.provideMerge(Layer.mergeAll(Environment.layerTest({}), Ids.layer, Platform.layer)),
      Layer.provideMerge(Logger.layer([]))
    )
  )

const decode = Schema.decodeUnknownEffect(NewToken)

/** Creates a token as the operator, and returns its text. */
export const create = Effect.fnUntraced(function* (request: typeof NewToken.Encoded) {
  const { about, token } = yield* (yield* StoredTokens).create(
    yield* Effect.orDie(decode(request)),
    "operator"
  )
  return { ...about, text: Redacted.value(token) }
})

export const authenticate = (token: string) =>
  Effect.flatMap(Authenticator, (authenticator) =>
    authenticator.authenticate({
      method: "POST",
      url: "http://127.0.0.1/mcp",
      resource: "/mcp",
      authorization: `Bearer ${token}`,
      headers: new Headers(),
      loopbackPeer: false,
      encrypted: false,
      address: "192.0.2.1"
    })
  )

/** Why a token is rejected. */
export const rejection = (token: string) =>
  Effect.map(Effect.flip(authenticate(token)), (error) =>
    error._tag === "Unauthorized" ? error.reason : error._tag
  )
