/** The secret of the OAuth server: encrypts its keys and the secrets of clients, and makes its nonces. */
import { Effect, Redacted } from "effect"
import { hmacSha256 } from "../../platform/digest.ts"
import { keyBytes } from "../../storage/sealing.ts"
import { Storage } from "../../storage/Storage.ts"

/** The key file in the state folder. */
const keyName = "oauth"

export const oauthSecret = Effect.flatMap(Storage, (storage) => storage.key(keyName, keyBytes))

/** A key for one purpose, which does not reveal the secret. */
export const derivedKey = (
  secret: Redacted.Redacted<Uint8Array>,
  purpose: string
): Redacted.Redacted<Uint8Array> => Redacted.make(hmacSha256(Redacted.value(secret), purpose))
