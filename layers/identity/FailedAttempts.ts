/** Failed authentications: counted by reason, and limited per address in a fixed window. */
import { BoundedCache } from "../cache/BoundedCache.ts"

/** `missing`: no credential. `throttled`: one that failed beyond the limit of its address. */
export const reasons = ["missing", "invalid", "expired", "throttled"] as const
export type FailureReason = (typeof reasons)[number]

export interface AttemptLimits {
  /** Failed credentials of one address in a window. */
  readonly max: number
  /** Milliseconds. */
  readonly window: number
}

/** Addresses that are remembered; the one that failed longest ago is forgotten first. */
const mostAddresses = 10_000

interface Window {
  count: number
  readonly endsAt: number
}

/** One customer has many addresses of IPv6, but usually one /64 network (RFC 6177). */
const networkOf = (address: string): string =>
  address.includes(":") && !address.startsWith("::ffff:") ? address.split(":", 4).join(":") : address

export class FailedAttempts {
  #limits: AttemptLimits
  readonly #windows = new BoundedCache<Window>({ maxEntries: mostAddresses, maxSize: Infinity })
  readonly #counts: Record<FailureReason, number> = { missing: 0, invalid: 0, expired: 0, throttled: 0 }

  constructor(limits: AttemptLimits) {
    this.#limits = limits
  }

  /** From now on; open windows keep their ends. */
  configure(limits: AttemptLimits) {
    this.#limits = limits
  }

  get max(): number {
    return this.#limits.max
  }

  get counts(): Readonly<Record<FailureReason, number>> {
    return this.#counts
  }

  /** A request without a credential, which is how clients ask for the challenge: only counted. */
  missing() {
    this.#counts.missing++
  }

  /**
   * Counts a credential that failed. `count` is the number of failures of the address in its window; beyond the limit
   * there is `retryAfter`, in milliseconds. `now` in milliseconds.
   */
  failed(
    reason: "invalid" | "expired",
    address: string,
    now: number
  ): { readonly count: number; readonly retryAfter: number | undefined } {
    const { max, window } = this.#limits
    const key = networkOf(address)
    let open = this.#windows.get(key, now)?.value
    if (open === undefined) {
      open = { count: 0, endsAt: now + window }
      this.#windows.put(key, open, 0, open.endsAt)
    }
    open.count++
    const throttled = open.count > max
    this.#counts[throttled ? "throttled" : reason]++
    return { count: open.count, retryAfter: throttled ? open.endsAt - now : undefined }
  }
}
