/** Checks whether this instance can read the keys of the OAuth server in the database. */
import { Effect, type FileSystem, Layer, type Path } from "effect"
import type { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import type { Ids } from "../../../layers/platform/Ids.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { type Check, ok, warn } from "./Check.ts"
import { notCheckable } from "./configuration.ts"
import { databaseExists } from "../../../layers/storage/databaseExists.ts"

const check = Effect.gen(function* () {
  const none = [ok("no keys of the OAuth server")]
  if (!(yield* databaseExists)) return none
  const { unreadableKeys } = yield* Effect.promise(
    () => import("../../../layers/identity/oauth/unreadableKeys.ts")
  )
  const { total, unreadable } = yield* unreadableKeys
  if (total === 0) return none
  return unreadable === 0
    ? [ok("the keys of the OAuth server can be read")]
    : [
        warn(
          "the keys of the OAuth server were encrypted with another key, so /oauth answers 503 here: set auth.oauth.secret to the same value on all instances, or copy keys/oauth from the state folder of the other one"
        )
      ]
})

export const oauthKeys: Check<ConfigSource | Environment | FileSystem.FileSystem | Ids | Path.Path> = {
  name: "oauth keys",
  run: check.pipe(
    Effect.provide(Sql.layer.pipe(Layer.provideMerge(Storage.layer))),
    Effect.catchTag("ConfigInvalid", () => Effect.succeed([notCheckable("the keys of the OAuth server")]))
  )
}
