/** Back-pressure: limits the bytes buffered for a slow reader by size, by the principal's memory quota, and in time. */
import type { Hold } from "../quotas/Quota.ts"

export interface BacklogOptions {
  /** Maximum buffered bytes of this connection. */
  readonly mostWaiting: number
  /** Milliseconds without progress, while bytes are buffered, after which the reader counts as gone. */
  readonly unreadTimeout: number
  /** Milliseconds. */
  readonly now: () => number
}

export class Backlog {
  readonly #options: BacklogOptions
  readonly #hold: Hold
  readonly #cut: () => void
  #waiting = 0
  /** When buffering started, or when the reader last read. */
  #since = 0
  #denied = false

  /** `cut` closes the connection even if its client does not read. */
  constructor(options: BacklogOptions, hold: Hold, cut: () => void = () => {}) {
    this.#cut = cut
    this.#options = options
    this.#hold = hold
  }

  /** Whether the quota was reached, so that the buffer must be dropped at once. */
  get denied(): boolean {
    return this.#denied
  }

  /**
   * Records the number of buffered bytes; `limited` of them (default: all) count for the limit of the connection. False:
   * too many, or for too long; the connection should be closed.
   */
  update(waiting: number, limited = waiting): boolean {
    if (waiting === 0 && this.#waiting === 0) return true
    const { mostWaiting, now, unreadTimeout } = this.#options
    if (waiting < this.#waiting || this.#waiting === 0) this.#since = now()
    this.#waiting = waiting
    if (!this.#hold.set(waiting)) this.#denied = true
    return !this.#denied && limited <= mostWaiting && now() - this.#since <= unreadTimeout
  }

  /** Closes the connection of a slow reader. */
  cut() {
    this.#cut()
  }

  /** Releases the quota: nothing is buffered any more. */
  end() {
    this.#hold.end()
  }
}
