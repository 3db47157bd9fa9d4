/**
 * Map of entries that live for a short time while others are there too, such as running calls.
 *
 * JavaScriptCore's `Map` and `Set` copy their entries to a new table from time to time, and the old table keeps its entries
 * and refers to the new one. As soon as one table has become old for the garbage collector, all tables that follow it and
 * the removed entries in them stay until the next full collection. With 32 concurrent calls most of what a call allocated
 * stayed that long. Here only keys and numbers are in the tables.
 */

/** Above this length, unused slots are dropped once the map is empty. */
const maxUnused = 1024

export class TransientMap<K extends string | number, V extends object> {
  readonly #slots = new Map<K, number>()
  readonly #values: Array<V | undefined> = []
  readonly #free: Array<number> = []

  get size(): number {
    return this.#slots.size
  }

  has(key: K): boolean {
    return this.#slots.has(key)
  }

  get(key: K): V | undefined {
    const slot = this.#slots.get(key)
    return slot === undefined ? undefined : this.#values[slot]
  }

  set(key: K, value: V): void {
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.#values.length
      this.#slots.set(key, slot)
    }
    this.#values[slot] = value
  }

  /** False if there is no such entry. */
  delete(key: K): boolean {
    return this.take(key) !== undefined
  }

  /** Removes and returns the value. */
  take(key: K): V | undefined {
    const slot = this.#slots.get(key)
    return slot === undefined ? undefined : this.#remove(key, slot)
  }

  /** Removes the entry if it has this value. */
  remove(key: K, value: V): void {
    const slot = this.#slots.get(key)
    if (slot !== undefined && this.#values[slot] === value) this.#remove(key, slot)
  }

  clear(): void {
    this.#slots.clear()
    this.#values.length = 0
    this.#free.length = 0
  }

  /** In the order in which they were added. Entries may be removed meanwhile. */
  *values(): Generator<V, void, undefined> {
    for (const slot of this.#slots.values()) {
      const value = this.#values[slot]
      if (value !== undefined) yield value
    }
  }

  keys(): MapIterator<K> {
    return this.#slots.keys()
  }

  #remove(key: K, slot: number): V | undefined {
    const value = this.#values[slot]
    this.#slots.delete(key)
    this.#values[slot] = undefined
    if (this.#slots.size > 0 || this.#values.length <= maxUnused) this.#free.push(slot)
    else this.clear()
    return value
  }
}
