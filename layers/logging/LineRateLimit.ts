/** Rate limit of log lines per source and second; dropped lines are counted. */

/** Maximum tracked sources; further ones share one limit. */
const mostSources = 1000
const others = "(others)"

interface Count {
  ordinary: number
  severe: number
}

export class LineRateLimit {
  /** Limit per source, once below warn and once from warn up. */
  perSecond: number
  #second = Number.NaN
  #admitted = new Map<string, Count>()
  #dropped = new Map<string, number>()

  constructor(perSecond: number) {
    this.perSecond = perSecond
  }

  /** Whether a line may be logged at `time` (milliseconds). Severe lines have a separate limit. */
  admits(source: string, severe: boolean, time: number): boolean {
    const second = Math.floor(time / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#admitted = new Map()
    }
    const name = this.#admitted.has(source) || this.#admitted.size < mostSources ? source : others
    let count = this.#admitted.get(name)
    if (count === undefined) this.#admitted.set(name, (count = { ordinary: 0, severe: 0 }))
    const kind = severe ? "severe" : "ordinary"
    if (count[kind] < this.perSecond) {
      count[kind]++
      return true
    }
    const counted = this.#dropped.has(name) || this.#dropped.size < mostSources ? name : others
    this.#dropped.set(counted, (this.#dropped.get(counted) ?? 0) + 1)
    return false
  }

  /** Dropped lines by source since the last call. */
  settle(): ReadonlyMap<string, number> {
    const dropped = this.#dropped
    this.#dropped = new Map()
    return dropped
  }
}
