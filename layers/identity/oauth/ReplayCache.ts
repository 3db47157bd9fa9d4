/** Remembers ids of proofs for a while, bounded in total and per owner: an id is accepted once. */

export interface ReplayLimits {
  /** How long an id is remembered, in milliseconds. */
  readonly window: number
  readonly max: number
  readonly maxPerOwner: number
}

interface Remembered {
  readonly until: number
  readonly owner: string
}

export class ReplayCache {
  readonly #limits: ReplayLimits
  /** In order of their expiry, because all are remembered for the same time. */
  readonly #ids = new Map<string, Remembered>()
  readonly #counts = new Map<string, number>()

  constructor(limits: ReplayLimits) {
    this.#limits = limits
  }

  /** `full`: the id cannot be remembered, so that it must be rejected. `now` in milliseconds. */
  use(id: string, owner: string, now: number): "new" | "replayed" | "full" {
    this.#removeExpired(now)
    const key = `${owner} ${id}`
    if (this.#ids.has(key)) return "replayed"
    const count = this.#counts.get(owner) ?? 0
    if (this.#ids.size >= this.#limits.max || count >= this.#limits.maxPerOwner) return "full"
    this.#ids.set(key, { until: now + this.#limits.window, owner })
    this.#counts.set(owner, count + 1)
    return "new"
  }

  #removeExpired(now: number) {
    for (const [key, { owner, until }] of this.#ids) {
      if (until > now) return
      this.#ids.delete(key)
      const left = (this.#counts.get(owner) ?? 1) - 1
      if (left === 0) this.#counts.delete(owner)
      else this.#counts.set(owner, left)
    }
  }
}
