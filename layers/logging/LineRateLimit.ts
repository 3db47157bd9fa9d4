/** Limits how many lines one source may log in a second, and counts the rest. */

/** Sources that are told apart; those beyond share one limit and one count. */
const mostSources = 1000
const others = "(others)"

interface Count {
  ordinary: number
  severe: number
}

export class LineRateLimit {
  /** Lines of one source. */
  perSecond: number
  #second = Number.NaN
  #admitted = new Map<string, Count>()
  #dropped = new Map<string, number>()

  constructor(perSecond: number) {
    this.perSecond = perSecond
  }

  /** Whether a line may be logged at that time (milliseconds). Severe lines have a limit of their own. */
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
    const told = this.#dropped.has(name) || this.#dropped.size < mostSources ? name : others
    this.#dropped.set(told, (this.#dropped.get(told) ?? 0) + 1)
    return false
  }

  /** How many lines of which source were dropped since this was last asked. */
  settle(): ReadonlyMap<string, number> {
    const dropped = this.#dropped
    this.#dropped = new Map()
    return dropped
  }
}
