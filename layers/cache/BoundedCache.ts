/** Values by key, each for its time: bounded in number and in size, and the one unused the longest goes first. */

export interface Bounds {
  readonly maxEntries: number
  /** Of all values together, in whatever unit `put` is told their sizes in. */
  readonly maxSize: number
  /** A larger one is not kept; absent: `maxSize`. */
  readonly largest?: number
  /** Of the values of one owner together; absent: `maxSize`. Beyond it, the owner's own values go. */
  readonly maxSizePerOwner?: number
}

interface CacheEntry<A> {
  readonly value: A
  readonly size: number
  /** In milliseconds, on the clock that `get` is told. */
  readonly until: number
  readonly owner: string | undefined
}

export class BoundedCache<A> {
  readonly #bounds: Bounds
  /** The one unused the longest comes first. */
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

  /** What is kept for the key; `now` in milliseconds. */
  get(key: string, now: number): { readonly value: A } | undefined {
    const found = this.#entries.get(key)
    if (found === undefined) return undefined
    this.#remove(key, found)
    if (found.until <= now) return undefined
    this.#add(key, found)
    return found
  }

  /** Takes the place of what was kept for the key, also where it is too large to be kept itself. */
  put(key: string, value: A, size: number, until: number, owner?: string): void {
    const { largest, maxEntries, maxSize } = this.#bounds
    const before = this.#entries.get(key)
    if (before !== undefined) this.#remove(key, before)
    if (size > Math.min(maxSize, largest ?? maxSize)) return
    this.#add(key, { value, size, until, owner })
    if (owner !== undefined) this.#keepShare(owner)
    for (const [oldest, entry] of this.#entries) {
      if (this.entries <= maxEntries && this.#size <= maxSize) return
      this.#remove(oldest, entry)
    }
  }

  /** Forgets what the predicate finds; all, without one. */
  drop(where?: (value: A) => boolean): void {
    for (const [key, entry] of this.#entries) {
      if (where === undefined || where(entry.value)) this.#remove(key, entry)
    }
  }

  /** The owner's values that were unused the longest make room for its newest. */
  #keepShare(owner: string) {
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
