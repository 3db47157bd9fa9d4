/** Circuit breaker of one target: after consecutive failures to connect, requests fail fast until a probe succeeds. */

/** Consecutive failures that open the circuit. */
const mostFailures = 5
/** Initial open time in milliseconds; doubles after each failed probe. */
const firstOpen = 1000
const longestOpen = 30_000
/** Milliseconds after which another request is a probe, while one is running: its client may be slow. */
const probeInterval = 1000

/** Synchronous, because it is on the path of each proxied request; times are milliseconds of one clock. */
export class Circuit {
  #failures = 0
  #open = firstOpen
  #until = 0
  #lastSuccess = -Infinity

  /** Milliseconds until a request may try again; 0: it is admitted. */
  admit(now: number): number {
    if (this.#failures < mostFailures) return 0
    if (now < this.#until) return Math.max(1000, this.#until - now)
    this.#until = now + probeInterval
    return 0
  }

  /** The target has responded, whatever it was. */
  succeeded(now: number) {
    this.#lastSuccess = now
    if (this.#failures === 0) return
    this.#failures = 0
    this.#open = firstOpen
  }

  /**
   * The target could not be reached, closed the connection before it responded, or did not respond in time. It does not count
   * if the target has responded to another request since this one `began`: clients may request what fails.
   */
  failed(now: number, began: number) {
    if (this.#lastSuccess >= began) return
    this.#failures++
    if (this.#failures < mostFailures) return
    this.#until = now + this.#open
    this.#open = Math.min(longestOpen, this.#open * 2)
  }
}
