/** Keyed digests through Bun: `node:crypto` would take 3 ms of every start. */

/** HMAC-SHA-256 (RFC 2104): 32 bytes. */
export const hmacSha256 = (key: Uint8Array, text: string): Uint8Array =>
  new Bun.CryptoHasher("sha256", key).update(text).digest()

/** SHA-256 (FIPS 180-4): 32 bytes. */
export const sha256 = (text: string): Uint8Array => new Bun.CryptoHasher("sha256").update(text).digest()

/** Whether two digests of one length are the same; how long it takes does not tell where they differ. */
export const equalInConstantTime = (a: Uint8Array, b: Uint8Array): boolean => {
  let difference = a.length ^ b.length
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0)
  return difference === 0
}
