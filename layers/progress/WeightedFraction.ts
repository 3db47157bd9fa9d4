/** Fraction of work done: the weighted mean of its parts, updated from the leaves of the tree. */

const clamp = (fraction: number) => Math.min(1, Math.max(0, fraction))

/** A weight that is not a positive number counts as 0. */
const positive = (weight: number) => (Number.isFinite(weight) && weight > 0 ? weight : 0)

export class WeightedFraction {
  readonly #whole: WeightedFraction | undefined
  readonly #weight: number
  #reached: number | undefined
  #fraction = 0
  /** Sums over the parts: weighted fractions, and weights. */
  #done = 0
  #weights = 0

  constructor(whole?: WeightedFraction, weight = 1) {
    this.#whole = whole
    this.#weight = positive(weight)
    if (whole === undefined) return
    whole.#weights += this.#weight
    whole.#update()
  }

  /** From 0 to 1: the weighted mean of the parts, or the value of `reach` if that is greater. A new part lowers it. */
  get fraction(): number {
    return this.#fraction
  }

  /** Whether there is a basis for the fraction. */
  get known(): boolean {
    return this.#reached !== undefined || this.#weights > 0
  }

  /** Raises the fraction to this value. */
  reach(fraction: number) {
    this.#reached = Math.max(this.#reached ?? 0, clamp(fraction))
    this.#update()
  }

  #update() {
    const parts = this.#weights > 0 ? clamp(this.#done / this.#weights) : 0
    const fraction = Math.max(this.#reached ?? 0, parts)
    if (fraction === this.#fraction) return
    const more = fraction - this.#fraction
    this.#fraction = fraction
    const whole = this.#whole
    if (whole === undefined) return
    whole.#done += this.#weight * more
    whole.#update()
  }
}
