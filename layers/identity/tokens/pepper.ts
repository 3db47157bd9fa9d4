/** The key of the hashes of stored tokens and tickets: of the configuration, or generated in the state folder. */
import { Effect, Redacted } from "effect"
import * as Hex from "effect/encoding/Hex"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { hmacSha256 } from "../../platform/digest.ts"
import { Storage } from "../../storage/Storage.ts"
import { section } from "../section.ts"

const keyBytes = 32

/** The key file in the state folder. */
export const keyName = "token-pepper"

const pepperOf = (key: Uint8Array) => ({
  /** Identifies the key without revealing it. */
  id: Hex.encode(hmacSha256(key, "id").slice(0, 8)),
  /** Keyed hash of a secret, in hexadecimal digits. */
  hash: (secret: string) => Hex.encode(hmacSha256(key, `secret:${secret}`))
})
export type Pepper = ReturnType<typeof pepperOf>

/** Read at its first use; a failure is not cached. */
export const makePepper = Effect.map(
  Effect.all([Storage, Effect.flatMap(ConfigSource, (config) => config.read(section))]),
  ([storage, { token_pepper }]) => {
    let known =
      token_pepper === undefined
        ? undefined
        : pepperOf(new TextEncoder().encode(Redacted.value(token_pepper)))
    return Effect.suspend(() =>
      known === undefined
        ? Effect.map(storage.key(keyName, keyBytes), (key) => (known = pepperOf(Redacted.value(key))))
        : Effect.succeed(known)
    )
  }
)
