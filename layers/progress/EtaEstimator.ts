/** Estimates the remaining time of some work from its recent speed (exponential moving average). */

/** Time constant in milliseconds: long enough to bridge pauses, short enough to follow changes. */
const timeConstant = 10_000

export class EtaEstimator {
  #at: number
  #fraction: number
  #done = 0
  #time = 0

  /** Starts at this time (ms) with this fraction done: work before it says nothing about the speed. */
  constructor(now: number, fraction: number) {
    this.#at = now
    this.#fraction = fraction
  }

  /** Records the fraction done at this time (ms). Neither may decrease. */
  observe(now: number, fraction: number) {
    const passed = now - this.#at
    const decay = Math.exp(-passed / timeConstant)
    this.#done = this.#done * decay + (fraction - this.#fraction)
    this.#time = this.#time * decay + passed
    this.#at = now
    this.#fraction = fraction
  }

  /** Remaining milliseconds; undefined until there is progress over time. */
  get remaining(): number | undefined {
    if (this.#fraction >= 1) return 0
    const remaining = ((1 - this.#fraction) * this.#time) / this.#done
    return this.#time > 0 && Number.isFinite(remaining) ? remaining : undefined
  }
}
