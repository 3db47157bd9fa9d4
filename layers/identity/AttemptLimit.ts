/** Limit on attempts per key, such as an address or an account, in a fixed window. */
import { BoundedCache } from "../cache/BoundedCache.ts"

/** Tracked keys; beyond that, the least recently used is evicted. */
const maxKeys = 10_000

export interface AttemptLimitOptions {
  /** Attempts per window. */
  readonly max: number
  /** In milliseconds. */
  readonly window: number
}

interface Window {
  count: number
  readonly endsAt: number
}

/** IPv6 addresses count by /64 network, which one customer usually has (RFC 6177). */
export const networkOf = (address: string): string =>
  address.includes(":") && !address.startsWith("::ffff:") ? address.split(":", 4).join(":") : address

export class AttemptLimit {
  readonly #options: AttemptLimitOptions
  readonly #windows = new BoundedCache<Window>({ maxEntries: maxKeys, maxSize: Infinity })

  constructor(options: AttemptLimitOptions) {
    this.#options = options
  }

  /** Milliseconds until the key may be used again; `undefined`: now. */
  retryAfter(key: string, now: number): number | undefined {
    const open = this.#windows.get(key, now)?.value
    return open !== undefined && open.count >= this.#options.max ? open.endsAt - now : undefined
  }

  /** Counts an attempt. Returns `retryAfter` as it was before. */
  count(key: string, now: number): number | undefined {
    const limited = this.retryAfter(key, now)
    if (limited !== undefined) return limited
    const open = this.#windows.get(key, now)?.value
    if (open !== undefined) open.count++
    else {
      const endsAt = now + this.#options.window
      this.#windows.put(key, { count: 1, endsAt }, 0, endsAt)
    }
    return undefined
  }

  /** Forgets the attempts of the key. */
  reset(key: string) {
    this.#windows.put(key, { count: 0, endsAt: 0 }, 0, 0)
  }
}
