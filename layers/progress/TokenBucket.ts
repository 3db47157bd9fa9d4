/** Token bucket: allows a burst, then one event per interval. */

export interface Rate {
  /** In milliseconds. */
  readonly interval: number
  /** Capacity of the bucket. */
  readonly burst: number
}

export class TokenBucket {
  readonly #rate: Rate
  #left: number
  #at: number

  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#left = rate.burst
    this.#at = now
  }

  /** Takes a token if there is one. `forced` always succeeds, at the cost of later events. */
  take(now: number, forced = false): boolean {
    const { burst, interval } = this.#rate
    this.#left = Math.min(burst, this.#left + (now - this.#at) / interval)
    this.#at = now
    if (this.#left < 1 && !forced) return false
    this.#left = Math.max(0, this.#left - 1)
    return true
  }

  /** Milliseconds until the next token, after `take` failed. */
  get wait(): number {
    // Rounded up, because a timer may fire a fraction of a millisecond early.
    return Math.ceil((1 - this.#left) * this.#rate.interval)
  }
}
