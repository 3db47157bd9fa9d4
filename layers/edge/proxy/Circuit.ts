/** Circuit breaker of one target: after consecutive failures to connect, requests fail fast until a probe succeeds. */

/** Consecutive failures that open the circuit. */
const mostFailures = 5
/** Initial open time in milliseconds; doubles after each failed probe. */
const firstOpen = 1000
const longestOpen = 30_000

/** Synchronous, because it is on the path of each proxied request; times are milliseconds of one clock. */
export class Circuit {
  #failures = 0
  #open = firstOpen
  #until = 0
  #probing = false

  /** Milliseconds until a request may try again; 0: it is admitted, and must report how it ended. */
  admit(now: number): number {
    if (this.#failures < mostFailures) return 0
    if (this.#probing || now < this.#until) return Math.max(1000, this.#until - now)
    this.#probing = true
    return 0
  }

  succeeded() {
    if (this.#failures === 0) return
    this.#failures = 0
    this.#open = firstOpen
    this.#probing = false
  }

  /** The target could not be reached, or closed the connection before it responded. */
  failed(now: number) {
    this.#failures++
    if (this.#failures < mostFailures) return
    this.#probing = false
    this.#until = now + this.#open
    this.#open = Math.min(longestOpen, this.#open * 2)
  }

  /** The request ended for another reason, such as its client. */
  abandoned() {
    this.#probing = false
  }

  get isOpen(): boolean {
    return this.#failures >= mostFailures
  }
}
