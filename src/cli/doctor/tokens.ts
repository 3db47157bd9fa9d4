/** Checks the API tokens: those that expire soon, and those that this instance cannot verify. */
import { Clock, Duration, Effect, type FileSystem, Layer, type Path } from "effect"
import { Audit } from "../../../layers/audit/Audit.ts"
import type { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { CredentialVerifiers } from "../../../layers/identity/CredentialVerifiers.ts"
import { StoredTokens } from "../../../layers/identity/StoredTokens.ts"
import type { StoredToken } from "../../../layers/identity/tokens/StoredToken.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import type { Ids } from "../../../layers/platform/Ids.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { type Check, type Finding, ok, warn } from "./Check.ts"
import { notCheckable } from "./configuration.ts"
import { databaseExists } from "../../../layers/storage/databaseExists.ts"

const soon = Duration.days(7)
/** Expiring tokens that are named. */
const shown = 5

const expiring = (tokens: ReadonlyArray<StoredToken>, now: number): ReadonlyArray<Finding> => {
  const until = now + Duration.toMillis(soon)
  return tokens
    .filter(
      ({ expires_at, status }) => status === "active" && expires_at !== null && Date.parse(expires_at) < until
    )
    .slice(0, shown)
    .map(({ expires_at, name, source }) =>
      warn(
        `the API token ${name} expires on ${expires_at?.slice(0, 10)}: ${
          source === "stored"
            ? "create another one with `manifold token create`"
            : "replace it in auth.tokens"
        }`
      )
    )
}

const check = Effect.gen(function* () {
  if (!(yield* databaseExists)) return [ok("no stored API tokens")]
  const stored = yield* StoredTokens
  const { tokens } = yield* stored.list({ limit: 1000 })
  const now = yield* Clock.currentTimeMillis
  const foreign = yield* stored.foreign
  const active = tokens.filter(({ status }) => status === "active").length
  const problems = [
    ...expiring(tokens, now),
    ...(foreign === 0
      ? []
      : [
          warn(
            `${foreign === 1 ? "1 API token was" : `${foreign} API tokens were`} created with another pepper and rejected here: set auth.token_pepper to the same value on all instances, or copy keys/token-pepper from the state folder of the other one`
          )
        ])
  ]
  return problems.length > 0
    ? problems
    : [ok(active === 1 ? "1 active API token" : `${active} active API tokens`)]
})

export const tokens: Check<ConfigSource | Environment | FileSystem.FileSystem | Ids | Path.Path> = {
  name: "tokens",
  run: check.pipe(
    Effect.provide(
      StoredTokens.layer.pipe(
        Layer.provide([CredentialVerifiers.layer, Audit.layer]),
        Layer.provideMerge(Sql.layer),
        Layer.provideMerge(Storage.layer)
      )
    ),
    Effect.catchTag("ConfigInvalid", () => Effect.succeed([notCheckable("the API tokens")]))
  )
}
