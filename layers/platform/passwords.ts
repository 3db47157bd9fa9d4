/** Hashes and verifies passwords with argon2id (RFC 9106), through Bun, which works in other threads. */

/** The second recommended choice of RFC 9106, section 4: 64 MiB of memory. */
const parameters = { algorithm: "argon2id", memoryCost: 65_536, timeCost: 3 } as const

export const hashPassword = (password: string): Promise<string> => Bun.password.hash(password, parameters)

/** False for a hash that is not one. */
export const verifyPassword = (password: string, hash: string): Promise<boolean> =>
  Bun.password.verify(password, hash).catch(() => false)
