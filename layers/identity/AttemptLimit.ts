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

const groupsOf = (text: string) => (text === "" ? [] : text.split(":"))

/**
 * IPv6 addresses count by /64 network, which one customer usually has (RFC 6177), in any notation (RFC 4291, section 2.2). An
 * IPv4 address that a dual-stack socket shows as IPv6 counts as IPv4.
 */
export const networkOf = (address: string): string => {
  if (!address.includes(":")) return address
  const lower = address.toLowerCase()
  if (lower.startsWith("::ffff:") && lower.includes(".")) return lower.slice("::ffff:".length)
  const [head = "", tail] = lower.split("::")
  const [before, after] = [groupsOf(head), groupsOf(tail ?? "")]
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")
}

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
