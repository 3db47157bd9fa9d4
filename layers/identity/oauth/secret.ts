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

/** Of `auth.oauth.secret`; without it, generated in the state folder. */
export const oauthSecret = Effect.gen(function* () {
  const storage = yield* Storage
  const { oauth } = yield* (yield* ConfigSource).read(section)
  if (oauth.secret === undefined) {
    return { current: yield* storage.key(keyName, keyBytes), previous: undefined } satisfies OAuthSecret
  }
  const configured = Redacted.make(new TextEncoder().encode(Redacted.value(oauth.secret)))
  return {
    current: derivedKey(configured, "oauth-encryption"),
    previous: yield* storage.existingKey(keyName, keyBytes)
  } satisfies OAuthSecret
})
