/** The bounds of transports that keep a stream or a socket open for each client. */

export interface StreamLimits {
  readonly maxMessageBytes: number
  /** The most streams at once. */
  readonly max: number
  /** Bytes that may wait for a slow reader before its connection is closed. */
  readonly mostWaiting: number
}
