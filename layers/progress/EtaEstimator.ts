/** How long the rest of some work will take, from how fast it went lately. */

/** What was seen this long ago counts 1/e of what is seen now: long enough to bridge pauses, short enough to follow changes. */
const memory = 10_000

export class EtaEstimator {
  #at: number
  #fraction: number
  #done = 0
  #time = 0

  /** From this moment (ms) with this fraction done: what was done before it says nothing of the speed. */
  constructor(now: number, fraction: number) {
    this.#at = now
    this.#fraction = fraction
  }

  /** The fraction done at this moment (ms); neither ever less than before. */
  observe(now: number, fraction: number) {
    const passed = now - this.#at
    const kept = Math.exp(-passed / memory)
    this.#done = this.#done * kept + (fraction - this.#fraction)
    this.#time = this.#time * kept + passed
    this.#at = now
    this.#fraction = fraction
  }

  /** Milliseconds for the rest; undefined until there was progress over time. */
  get rest(): number | undefined {
    if (this.#fraction >= 1) return 0
    const rest = ((1 - this.#fraction) * this.#time) / this.#done
    return this.#time > 0 && Number.isFinite(rest) ? rest : undefined
  }
}
