/** A quota: how much of something (bytes, streams, sessions) each principal may hold, and all principals together. */

export interface QuotaLimits {
  /** At most this much for one principal. */
  readonly principal: number
  /** At most this much for all principals together. */
  readonly total: number
}

/** Counts what is held by owner, which is a principal's key. Synchronous, because requests pass through it. */
export class Quota {
  #limits: QuotaLimits
  #used = 0
  #rejected = 0
  /** Only owners that hold something, so that it cannot grow beyond what is held. */
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

  /** How often `take` was denied. */
  get rejected(): number {
    return this.#rejected
  }

  usedBy(owner: string): number {
    return this.#byOwner.get(owner) ?? 0
  }

  /** From now on. What is held stays held, also beyond smaller limits. */
  configure(limits: QuotaLimits) {
    this.#limits = limits
  }

  /** Takes the amount unless it exceeds a limit; it must be given back by `release`. */
  take(owner: string, amount: number): boolean {
    const own = this.usedBy(owner) + amount
    if (own > this.#limits.principal || this.#used + amount > this.#limits.total) {
      this.#rejected++
      return false
    }
    this.#set(owner, own, amount)
    return true
  }

  /** Counts what is held already, also beyond the limits. */
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

/** An amount that changes while it is held, such as the bytes that wait in one stream. */
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

  /** Holds this much from now on; false: denied, and the amount before is still held. */
  set(amount: number): boolean {
    if (this.#ended) return false
    const change = amount - this.#amount
    if (change > 0 && !this.#quota.take(this.#owner, change)) return false
    if (change < 0) this.#quota.release(this.#owner, -change)
    this.#amount = amount
    return true
  }

  /** Gives everything back, and holds nothing from then on. May be called more than once. */
  end() {
    this.set(0)
    this.#ended = true
  }
}
