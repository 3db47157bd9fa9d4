/** The bounds of transports that keep a stream or a socket open for each client. */
import type { JsonBounds } from "./jsonBounds.ts"

export interface StreamLimits {
  readonly maxMessageBytes: number
  /** Of one message; default `defaultBounds`. */
  readonly bounds?: JsonBounds
  /** The most streams at once. */
  readonly max: number
  /** Bytes that may wait for a slow reader before its connection is closed. */
  readonly mostWaiting: number
  /** Milliseconds that they may wait while the reader takes none. */
  readonly unreadTimeout: number
}
