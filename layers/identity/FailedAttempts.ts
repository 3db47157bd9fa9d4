/** Failed authentications: counted by reason, throttled per address in a fixed window. */
import { BoundedCache } from "../cache/BoundedCache.ts"
import { networkOf } from "./AttemptLimit.ts"

/** `missing`: no credential. `throttled`: an invalid one beyond the limit of its address. */
export const reasons = ["missing", "invalid", "expired", "throttled"] as const
export type FailureReason = (typeof reasons)[number]

export interface AttemptLimits {
  /** Maximum of failed credentials of one address per window. */
  readonly max: number
  /** In milliseconds. */
  readonly window: number
}

/** Tracked addresses; beyond that, the least recently used is evicted. */
const maxAddresses = 10_000

interface Window {
  count: number
  readonly endsAt: number
}

export class FailedAttempts {
  #limits: AttemptLimits
  readonly #windows = new BoundedCache<Window>({ maxEntries: maxAddresses, maxSize: Infinity })
  readonly #counts: Record<FailureReason, number> = { missing: 0, invalid: 0, expired: 0, throttled: 0 }

  constructor(limits: AttemptLimits) {
    this.#limits = limits
  }

  /** Applies new limits; open windows keep their end. */
  configure(limits: AttemptLimits) {
    this.#limits = limits
  }

  get max(): number {
    return this.#limits.max
  }

  get counts(): Readonly<Record<FailureReason, number>> {
    return this.#counts
  }

  /** Whether the address has reached the limit of its window. */
  isThrottled(address: string, now: number): boolean {
    return (this.#windows.get(networkOf(address), now)?.value.count ?? 0) >= this.#limits.max
  }

  /** Counts a request without a credential. Not throttled: clients request the challenge this way. */
  missing() {
    this.#counts.missing++
  }

  /**
   * Counts a failed credential. `count`: failures of the address in its window. `retryAfter`: set beyond the limit. Times are
   * in milliseconds.
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
