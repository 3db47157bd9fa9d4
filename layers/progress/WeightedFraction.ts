/** How much of some work is done, as the parts of it say: fractions by weight, kept up to date from the leaves. */

const between = (fraction: number) => Math.min(1, Math.max(0, fraction))

/** A weight that is not a positive number counts for nothing. */
const positive = (weight: number) => (Number.isFinite(weight) && weight > 0 ? weight : 0)

export class WeightedFraction {
  readonly #whole: WeightedFraction | undefined
  readonly #weight: number
  #reached: number | undefined
  #fraction = 0
  /** Of the parts: their fractions by weight, and their weights. */
  #done = 0
  #weights = 0

  constructor(whole?: WeightedFraction, weight = 1) {
    this.#whole = whole
    this.#weight = positive(weight)
    if (whole === undefined) return
    whole.#weights += this.#weight
    whole.#settle()
  }

  /** Between 0 and 1: the parts' weighted mean, or what was reached without them if that is more. A new part lowers it. */
  get fraction(): number {
    return this.#fraction
  }

  /** Whether the fraction says anything yet. */
  get known(): boolean {
    return this.#reached !== undefined || this.#weights > 0
  }

  /** That much is done, or more if more was reached before. */
  reach(fraction: number) {
    this.#reached = Math.max(this.#reached ?? 0, between(fraction))
    this.#settle()
  }

  #settle() {
    const parts = this.#weights > 0 ? between(this.#done / this.#weights) : 0
    const fraction = Math.max(this.#reached ?? 0, parts)
    if (fraction === this.#fraction) return
    const more = fraction - this.#fraction
    this.#fraction = fraction
    const whole = this.#whole
    if (whole === undefined) return
    whole.#done += this.#weight * more
    whole.#settle()
  }
}
