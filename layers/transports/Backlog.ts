/** Bytes that wait for a slow reader: limited per connection, by the principal's memory quota, and in time. */
import type { Hold } from "../quotas/Quota.ts"

export interface BacklogOptions {
  /** Bytes that may wait in this connection. */
  readonly mostWaiting: number
  /** Milliseconds without progress, while bytes wait, after which the reader counts as gone. */
  readonly unreadTimeout: number
  /** Milliseconds. */
  readonly now: () => number
}

export class Backlog {
  readonly #options: BacklogOptions
  readonly #hold: Hold
  readonly #cut: () => void
  #waiting = 0
  /** When bytes began to wait, or when the reader last took some. */
  #since = 0
  #denied = false

  /** `cut` closes the connection although its client does not read. */
  constructor(options: BacklogOptions, hold: Hold, cut: () => void = () => {}) {
    this.#cut = cut
    this.#options = options
    this.#hold = hold
  }

  /** Whether the quota denied more, so that what waits must be dropped at once. */
  get denied(): boolean {
    return this.#denied
  }

  /**
   * Notes how many bytes wait now; `limited` of them, by default all, count for the limit of the connection. False: too
   * many, or for too long; the connection should be closed.
   */
  update(waiting: number, limited = waiting): boolean {
    if (waiting === 0 && this.#waiting === 0) return true
    const { mostWaiting, now, unreadTimeout } = this.#options
    if (waiting < this.#waiting || this.#waiting === 0) this.#since = now()
    this.#waiting = waiting
    if (!this.#hold.set(waiting)) this.#denied = true
    return !this.#denied && limited <= mostWaiting && now() - this.#since <= unreadTimeout
  }

  /** Closes the connection, whose reader is too slow. */
  cut() {
    this.#cut()
  }

  /** Nothing waits any more. */
  end() {
    this.#hold.end()
  }
}
