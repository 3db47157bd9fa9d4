/** AES-256-GCM encryption of texts at rest, each bound to a name: that of its file, or that of its row. */
import { Effect, Redacted } from "effect"
import { Ids } from "../platform/Ids.ts"

/** Random 96-bit nonce (NIST SP 800-38D, section 8.2.2), stored before the ciphertext. */
const nonceBytes = 12

/** Length of the key, in bytes. */
export const keyBytes = 32

export interface Sealing {
  /** Nonce and ciphertext. */
  readonly seal: (name: string, text: string) => Effect.Effect<Uint8Array<ArrayBuffer>>
  /** Fails for a text that was encrypted under another key or name, or is truncated. */
  readonly open: (name: string, sealed: Uint8Array) => Effect.Effect<string, "damaged">
}

/** Encrypts a text in base64 under another key; `undefined` if it is not encrypted under the previous one. */
export const sealedAgain = (previous: Sealing, current: Sealing) =>
  Effect.fnUntraced(function* (name: string, sealed: string) {
    const text = yield* Effect.option(previous.open(name, Buffer.from(sealed, "base64")))
    if (text._tag === "None") return undefined
    return Buffer.from(yield* current.seal(name, text.value)).toString("base64")
  })

export const make = Effect.fnUntraced(function* (secret: Redacted.Redacted<Uint8Array>) {
  const ids = yield* Ids
  const key = yield* Effect.promise(() =>
    crypto.subtle.importKey("raw", new Uint8Array(Redacted.value(secret)), "AES-GCM", false, [
      "encrypt",
      "decrypt"
    ])
  )
  const algorithm = (name: string, iv: Uint8Array<ArrayBuffer>) => ({
    name: "AES-GCM",
    iv,
    additionalData: new TextEncoder().encode(name)
  })
  return {
    seal: Effect.fnUntraced(function* (name, text) {
      const iv = yield* ids.secret(nonceBytes)
      const sealed = yield* Effect.promise(() =>
        crypto.subtle.encrypt(algorithm(name, iv), key, new TextEncoder().encode(text))
      )
      const bytes = new Uint8Array(nonceBytes + sealed.byteLength)
      bytes.set(iv)
      bytes.set(new Uint8Array(sealed), nonceBytes)
      return bytes
    }),
    open: (name, sealed) =>
      Effect.map(
        Effect.tryPromise({
          try: () =>
            crypto.subtle.decrypt(
              algorithm(name, new Uint8Array(sealed.slice(0, nonceBytes))),
              key,
              new Uint8Array(sealed.slice(nonceBytes))
            ),
          catch: () => "damaged" as const
        }),
        (text) => new TextDecoder().decode(text)
      )
  } satisfies Sealing
})
