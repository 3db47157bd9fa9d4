/** Signs and verifies cookies with several keys, in the interface of `keygrip`, whose comparison makes Bun write a warning. */
import { equalInConstantTime, hmacSha256 } from "../../platform/digest.ts"

/** The first key signs, all are accepted. */
export const cookieSignatures = (keys: ReadonlyArray<string>) => {
  const secrets = keys.map((key) => new TextEncoder().encode(key))
  const digestOf = (secret: Uint8Array, data: string) => hmacSha256(secret, data)
  const index = (data: string, digest: string): number => {
    const given = Buffer.from(digest, "base64url")
    return secrets.findIndex((secret) => equalInConstantTime(digestOf(secret, data), given))
  }
  return {
    sign: (data: string): string =>
      Buffer.from(digestOf(secrets[0] ?? new Uint8Array(), data)).toString("base64url"),
    /** The index of the key that has signed the data; -1: none. */
    index,
    verify: (data: string, digest: string): boolean => index(data, digest) >= 0
  }
}
