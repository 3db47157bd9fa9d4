/** Set of short-lived objects, which are removed by the number of their slot. Not a `Set`, for the reason in `TransientMap`. */

export class SlotSet<A extends object> {
  readonly #slots: Array<A | undefined> = []
  readonly #free: Array<number> = []

  get size(): number {
    return this.#slots.length - this.#free.length
  }

  /** Returns the slot, for `delete`. */
  add(value: A): number {
    const slot = this.#free.pop() ?? this.#slots.length
    this.#slots[slot] = value
    return slot
  }

  /** Once for each `add`: the slot may be in use again. */
  delete(slot: number): void {
    this.#slots[slot] = undefined
    this.#free.push(slot)
    if (this.size > 0) return
    this.#slots.length = 0
    this.#free.length = 0
  }

  /** In any order. Of what is added meanwhile, some may be included. */
  *[Symbol.iterator](): Generator<A, void, undefined> {
    for (const value of this.#slots) if (value !== undefined) yield value
  }
}
