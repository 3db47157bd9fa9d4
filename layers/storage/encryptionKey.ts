/** Key for rows of the database: of a secret in the configuration, which instances share, or of a file in the state folder. */
import { Effect, Redacted } from "effect"
import { hmacSha256 } from "../platform/digest.ts"
import { keyBytes } from "./sealing.ts"
import { Storage } from "./Storage.ts"

type Key = Redacted.Redacted<Uint8Array>

export interface EncryptionKey {
  readonly current: Key
  /** The key file of a service that had no secret before. */
  readonly previous: Key | undefined
}

export interface KeySource {
  /** Of the configuration. */
  readonly secret: Redacted.Redacted<string> | undefined
  /** Use of the secret: each has another key. */
  readonly purpose: string
  /** The key file in the state folder. */
  readonly file: string
}

/** A key for one purpose, which does not reveal the secret. */
export const derivedKey = (secret: Key, purpose: string): Key =>
  Redacted.make(hmacSha256(Redacted.value(secret), purpose))

const configured = ({ purpose, secret }: KeySource): Key | undefined =>
  secret === undefined
    ? undefined
    : derivedKey(Redacted.make(new TextEncoder().encode(Redacted.value(secret))), purpose)

/** Of the secret; without one, generated in the state folder. */
export const encryptionKey = Effect.fnUntraced(function* (source: KeySource) {
  const storage = yield* Storage
  const current = configured(source)
  return (
    current === undefined
      ? { current: yield* storage.key(source.file, keyBytes), previous: undefined }
      : { current, previous: yield* storage.existingKey(source.file, keyBytes) }
  ) satisfies EncryptionKey
})

/** The keys that exist, without generating one. */
export const knownKeys = Effect.fnUntraced(function* (source: KeySource) {
  const found = [configured(source), yield* (yield* Storage).existingKey(source.file, keyBytes)]
  return found.filter((key) => key !== undefined)
})
