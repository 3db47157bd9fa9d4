/** The secret of the OAuth server: encrypts its keys and the secrets of clients, and makes its nonces. */
import { Effect, Redacted } from "effect"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { hmacSha256 } from "../../platform/digest.ts"
import { keyBytes } from "../../storage/sealing.ts"
import { Storage } from "../../storage/Storage.ts"
import { section } from "../section.ts"

/** The key file in the state folder. */
const keyName = "oauth"

export interface OAuthSecret {
  readonly current: Redacted.Redacted<Uint8Array>
  /** The key file of a service that had no `auth.oauth.secret` before. */
  readonly previous: Redacted.Redacted<Uint8Array> | undefined
}

/** A key for one purpose, which does not reveal the secret. */
export const derivedKey = (
  secret: Redacted.Redacted<Uint8Array>,
  purpose: string
): Redacted.Redacted<Uint8Array> => Redacted.make(hmacSha256(Redacted.value(secret), purpose))

/** Of `auth.oauth.secret`. */
const configured = Effect.map(
  Effect.flatMap(ConfigSource, (config) => config.read(section)),
  ({ oauth }) =>
    oauth.secret === undefined
      ? undefined
      : derivedKey(Redacted.make(new TextEncoder().encode(Redacted.value(oauth.secret))), "oauth-encryption")
)

/** Of `auth.oauth.secret`; without it, generated in the state folder. */
export const oauthSecret = Effect.gen(function* () {
  const storage = yield* Storage
  const current = yield* configured
  return (
    current === undefined
      ? { current: yield* storage.key(keyName, keyBytes), previous: undefined }
      : { current, previous: yield* storage.existingKey(keyName, keyBytes) }
  ) satisfies OAuthSecret
})

/** The secrets that exist, without generating one. */
export const knownSecrets = Effect.gen(function* () {
  const found = [yield* configured, yield* (yield* Storage).existingKey(keyName, keyBytes)]
  return found.filter((secret) => secret !== undefined)
})
