/** Map by key with a sorted view, sorted lazily, so that a batch of changes sorts once. */

interface Keyed {
  readonly key: string
}

/** Name in the form of clients and model providers: `^[a-zA-Z0-9_-]+$`. */
export const toAlias = (key: string): string => key.replace(/[^a-zA-Z0-9_-]/g, "_")

export class SortedIndex<A extends Keyed> {
  readonly #byKey = new Map<string, A>()
  #sorted: ReadonlyArray<A> | undefined
  #byAlias: ReadonlyMap<string, ReadonlyArray<A>> | undefined

  get size(): number {
    return this.#byKey.size
  }

  get(key: string): A | undefined {
    return this.#byKey.get(key)
  }

  set(item: A): void {
    this.#byKey.set(item.key, item)
    this.#invalidate()
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#invalidate()
  }

  /** The items whose key has this alias. */
  byAlias(alias: string): ReadonlyArray<A> {
    this.#byAlias ??= Map.groupBy(this.#byKey.values(), ({ key }) => toAlias(key))
    return this.#byAlias.get(alias) ?? []
  }

  #invalidate() {
    this.#sorted = undefined
    this.#byAlias = undefined
  }

  /** By key, in UTF-16 code units. */
  get sorted(): ReadonlyArray<A> {
    return (this.#sorted ??= [...this.#byKey.values()].toSorted((a, b) =>
      a.key < b.key ? -1 : a.key > b.key ? 1 : 0
    ))
  }

  /** Index in `sorted` of the first item with a key greater than `key`; without a key: 0. */
  indexAfter(key: string | undefined): number {
    if (key === undefined) return 0
    const { sorted } = this
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const item = sorted[middle]
      if (item !== undefined && item.key <= key) low = middle + 1
      else high = middle
    }
    return low
  }
}
