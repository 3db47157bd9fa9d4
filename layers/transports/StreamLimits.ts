/** Limits of transports with a long-lived stream or socket per client. */
import type { JsonBounds } from "./jsonBounds.ts"

export interface StreamLimits {
  readonly maxMessageBytes: number
  /** Of one message; default `defaultBounds`. */
  readonly bounds?: JsonBounds
  /** Maximum number of open streams. */
  readonly max: number
  /** Maximum bytes buffered for a slow reader; beyond it its connection is closed. */
  readonly mostWaiting: number
  /** Milliseconds that they may stay buffered while the reader reads nothing. */
  readonly unreadTimeout: number
}
