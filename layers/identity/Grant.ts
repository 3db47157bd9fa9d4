/** Grant of an authenticated credential: the principal and the expiry. */
import { anonymousLoopback, stdioUser, type Principal } from "../../src/domain/Principal.ts"

export interface Grant {
  readonly principal: Principal
  /** Identifies the credential without revealing it; equal for all requests that present it. */
  readonly credential: string
  /** Identifies the credential on all instances, where `credential` is of one process. Default: `credential`. */
  readonly reference?: string
  /** In milliseconds since the epoch; `Infinity`: never. */
  readonly expiresAt: number
  /** SHA-256 thumbprint of the key that a caller must prove to have (DPoP, RFC 9449). */
  readonly keyThumbprint?: string
}

/** Why a grant ended: it expired, or its credential was revoked or removed. */
export type Ended = "expired" | "revoked"

/** Grant of loopback callers without a credential. */
export const anonymous: Grant = {
  principal: anonymousLoopback,
  credential: "anonymous-loopback",
  expiresAt: Infinity
}

/** Grant of the stdio client, which launched the program. */
export const stdio: Grant = { principal: stdioUser, credential: "stdio", expiresAt: Infinity }

/** Whether two grants of one credential grant the same. */
export const sameGrant = (a: Grant, b: Grant): boolean =>
  a === b ||
  (a.expiresAt === b.expiresAt &&
    a.principal.key === b.principal.key &&
    a.principal.scopes.join(" ") === b.principal.scopes.join(" ") &&
    a.principal.ceiling.join(" ") === b.principal.ceiling.join(" ") &&
    JSON.stringify(a.principal.limits) === JSON.stringify(b.principal.limits))
