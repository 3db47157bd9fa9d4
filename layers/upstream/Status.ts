/** State of the connection to an upstream server. */
import type { UpstreamError } from "./UpstreamError.ts"

/**
 * `idle`: not started yet, or unused and stopped. `connecting`: for the first time. `degraded`: connected, but its lists could not be
 * read, or a ping got no response. `reconnecting`: after a lost connection. `failed`: all attempts failed; the next request
 * tries again. `unauthorized`: a user must sign in.
 */
export const states = [
  "idle",
  "connecting",
  "ready",
  "degraded",
  "reconnecting",
  "unauthorized",
  "failed",
  "stopped"
] as const
export type State = (typeof states)[number]

/** What may fail while the server is connected. */
export type Part = "lists" | "ping"

export interface Status {
  readonly state: State
  /** Milliseconds since the epoch at which the state began. */
  readonly since: number
  /** The last failure, until the connection is ready again. */
  readonly failure?: UpstreamError | undefined
}
