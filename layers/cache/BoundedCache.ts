/** LRU cache with a TTL per entry, bounded in entries, total size and size per owner. */

export interface Bounds {
  readonly maxEntries: number
  /** Of all values together, in the unit of the sizes passed to `put`. */
  readonly maxSize: number
  /** A larger value is not cached; absent: `maxSize`. */
  readonly maxEntrySize?: number
  /** Of the values of one owner together; absent: `maxSize`. Beyond it, values of that owner are evicted. */
  readonly maxSizePerOwner?: number
}

interface CacheEntry<A> {
  readonly value: A
  readonly size: number
  /** Expiry in milliseconds, on the clock of `get`'s `now`. */
  readonly until: number
  readonly owner: string | undefined
}

export class BoundedCache<A> {
  readonly #bounds: Bounds
  /** In order of use: the least recently used first. */
  readonly #entries = new Map<string, CacheEntry<A>>()
  readonly #byOwner = new Map<string, number>()
  #size = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  get entries(): number {
    return this.#entries.size
  }

  get size(): number {
    return this.#size
  }

  /** The cached value; `undefined` after its expiry. `now` in milliseconds. */
  get(key: string, now: number): { readonly value: A } | undefined {
    const found = this.#entries.get(key)
    if (found === undefined) return undefined
    this.#remove(key, found)
    if (found.until <= now) return undefined
    this.#add(key, found)
    return found
  }

  /** Replaces the value of the key. A value that is too large only removes the old one. */
  put(key: string, value: A, size: number, until: number, owner?: string): void {
    const { maxEntries, maxEntrySize, maxSize } = this.#bounds
    const before = this.#entries.get(key)
    if (before !== undefined) this.#remove(key, before)
    if (size > Math.min(maxSize, maxEntrySize ?? maxSize)) return
    this.#add(key, { value, size, until, owner })
    if (owner !== undefined) this.#evictOwned(owner)
    for (const [oldest, entry] of this.#entries) {
      if (this.entries <= maxEntries && this.#size <= maxSize) return
      this.#remove(oldest, entry)
    }
  }

  /** Removes the values that match the predicate; without one, all. */
  drop(where?: (value: A) => boolean): void {
    for (const [key, entry] of this.#entries) {
      if (where === undefined || where(entry.value)) this.#remove(key, entry)
    }
  }

  /** Evicts the owner's least recently used values until its size is within the limit. */
  #evictOwned(owner: string) {
    const { maxSizePerOwner = Infinity } = this.#bounds
    if (this.#sizeOf(owner) <= maxSizePerOwner) return
    for (const [key, entry] of this.#entries) {
      if (entry.owner === owner) this.#remove(key, entry)
      if (this.#sizeOf(owner) <= maxSizePerOwner) return
    }
  }

  #sizeOf(owner: string): number {
    return this.#byOwner.get(owner) ?? 0
  }

  #count(owner: string | undefined, change: number) {
    if (owner === undefined) return
    const size = this.#sizeOf(owner) + change
    if (size > 0) this.#byOwner.set(owner, size)
    else this.#byOwner.delete(owner)
  }

  #add(key: string, entry: CacheEntry<A>) {
    this.#entries.set(key, entry)
    this.#size += entry.size
    this.#count(entry.owner, entry.size)
  }

  #remove(key: string, entry: CacheEntry<A>) {
    this.#entries.delete(key)
    this.#size -= entry.size
    this.#count(entry.owner, -entry.size)
  }
}
