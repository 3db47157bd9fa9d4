/** The secret of the OAuth server: encrypts its keys and the secrets of clients, and makes its nonces. */
import { Effect } from "effect"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { encryptionKey, knownKeys, type KeySource } from "../../storage/encryptionKey.ts"
import { section } from "../section.ts"

const source = Effect.map(
  Effect.flatMap(ConfigSource, (config) => config.read(section)),
  ({ oauth: { secret } }): KeySource => ({ secret, purpose: "oauth-encryption", file: "oauth" })
)

/** Of `auth.oauth.secret`; without it, generated in the state folder. */
export const oauthSecret = Effect.flatMap(source, encryptionKey)

/** The secrets that exist, without generating one. */
export const knownSecrets = Effect.flatMap(source, knownKeys)
