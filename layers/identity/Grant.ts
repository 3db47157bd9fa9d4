/** What an authenticated credential grants: the principal, and for how long. */
import { anonymousLoopback, stdioUser, type Principal } from "../../src/domain/Principal.ts"

export interface Grant {
  readonly principal: Principal
  /** Names the credential without revealing it; the same for every request that presents it. */
  readonly credential: string
  /** When it ends, in milliseconds since 1970; `Infinity`: not by itself. */
  readonly expiresAt: number
}

/** Why a grant no longer holds: its time is over, or the credential was revoked or removed. */
export type Ended = "expired" | "revoked"

/** The grant of callers on this machine that present no credential. */
export const anonymous: Grant = {
  principal: anonymousLoopback,
  credential: "anonymous-loopback",
  expiresAt: Infinity
}

/** The grant of the person who launched the program: as long as the pipe is open. */
export const stdio: Grant = { principal: stdioUser, credential: "stdio", expiresAt: Infinity }
