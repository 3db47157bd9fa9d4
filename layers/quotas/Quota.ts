/** Quota: how much of a resource (bytes, streams, sessions) one principal, and all principals together, may hold. */

export interface QuotaLimits {
  /** Maximum of one principal. */
  readonly principal: number
  /** Maximum of all principals together. */
  readonly total: number
}

/** Counts by owner (the key of a principal). Synchronous, because requests pass through it. */
export class Quota {
  #limits: QuotaLimits
  #used = 0
  #rejected = 0
  /** Contains only owners that hold something, and is therefore bounded. */
  readonly #byOwner = new Map<string, number>()

  constructor(limits: QuotaLimits) {
    this.#limits = limits
  }

  get limits(): QuotaLimits {
    return this.#limits
  }

  get used(): number {
    return this.#used
  }

  /** Number of denied `take` calls. */
  get rejected(): number {
    return this.#rejected
  }

  usedBy(owner: string): number {
    return this.#byOwner.get(owner) ?? 0
  }

  /** Applies new limits. Amounts already held stay, even beyond smaller limits. */
  configure(limits: QuotaLimits) {
    this.#limits = limits
  }

  /** Takes the amount unless that exceeds a limit; the caller must `release` it. */
  take(owner: string, amount: number): boolean {
    const own = this.usedBy(owner) + amount
    if (own > this.#limits.principal || this.#used + amount > this.#limits.total) {
      this.#rejected++
      return false
    }
    this.#set(owner, own, amount)
    return true
  }

  /** Counts an amount that is held already, even beyond the limits. */
  charge(owner: string, amount: number) {
    this.#set(owner, this.usedBy(owner) + amount, amount)
  }

  release(owner: string, amount: number) {
    this.#set(owner, this.usedBy(owner) - amount, -amount)
  }

  #set(owner: string, own: number, change: number) {
    if (change === 0) return
    this.#used += change
    if (own > 0) this.#byOwner.set(owner, own)
    else this.#byOwner.delete(owner)
  }
}

/** A held amount that changes, such as the bytes buffered in one stream. */
export class Hold {
  readonly #quota: Quota
  readonly #owner: string
  #amount = 0
  #ended = false

  constructor(quota: Quota, owner: string) {
    this.#quota = quota
    this.#owner = owner
  }

  get amount(): number {
    return this.#amount
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Changes the held amount; false: denied, and the old amount is still held. */
  set(amount: number): boolean {
    if (this.#ended) return false
    const change = amount - this.#amount
    if (change > 0 && !this.#quota.take(this.#owner, change)) return false
    if (change < 0) this.#quota.release(this.#owner, -change)
    this.#amount = amount
    return true
  }

  /** Releases everything for good. May be called more than once. */
  end() {
    this.set(0)
    this.#ended = true
  }
}
