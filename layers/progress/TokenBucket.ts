/** Bounds how often something is told: some at once, and then one in each interval. */

export interface Rate {
  /** Milliseconds. */
  readonly interval: number
  /** How many may come at once. */
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

  /** Takes one if there is one; what is `forced` is always let through, at the cost of later ones. */
  take(now: number, forced = false): boolean {
    const { burst, interval } = this.#rate
    this.#left = Math.min(burst, this.#left + (now - this.#at) / interval)
    this.#at = now
    if (this.#left < 1 && !forced) return false
    this.#left = Math.max(0, this.#left - 1)
    return true
  }

  /** Milliseconds until there is one again, after `take` found none. */
  get wait(): number {
    // A whole millisecond, because timers may be early by a fraction of one.
    return Math.ceil((1 - this.#left) * this.#rate.interval)
  }
}
