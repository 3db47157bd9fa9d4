/** Results that may be given again: bounded in number and size, each for its time. */

interface Kept {
  readonly name: string
  readonly value: unknown
  readonly size: number
  readonly until: number
}

export interface CacheBounds {
  readonly maxEntries: number
  /** Characters of all results as JSON, together. */
  readonly maxSize: number
}

/** JSON with the keys of objects in order, so that the same arguments make the same text. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  ) ?? "null"

export class ToolCache {
  readonly #bounds: CacheBounds
  /** The one used longest ago comes first. */
  readonly #kept = new Map<string, Kept>()
  #size = 0

  constructor(bounds: CacheBounds) {
    this.#bounds = bounds
  }

  get entries(): number {
    return this.#kept.size
  }

  /** What is kept for the key; `now` and all times in milliseconds. */
  get(key: string, now: number): { readonly value: unknown } | undefined {
    const found = this.#kept.get(key)
    if (found === undefined) return undefined
    this.#drop(key, found)
    if (found.until <= now) return undefined
    this.#keep(key, found)
    return found
  }

  /** Keeps the value unless it is larger than all together may be, or is no JSON. */
  put(key: string, name: string, value: unknown, until: number): void {
    const size = key.length + (JSON.stringify(value) ?? "").length
    if (size > this.#bounds.maxSize) return
    const before = this.#kept.get(key)
    if (before !== undefined) this.#drop(key, before)
    this.#keep(key, { name, value, size, until })
    for (const [oldest, entry] of this.#kept) {
      if (this.#kept.size <= this.#bounds.maxEntries && this.#size <= this.#bounds.maxSize) return
      this.#drop(oldest, entry)
    }
  }

  /** Forgets the results of that name, or all. */
  invalidate(name?: string): void {
    for (const [key, entry] of this.#kept)
      if (name === undefined || entry.name === name) this.#drop(key, entry)
  }

  #keep(key: string, entry: Kept) {
    this.#kept.set(key, entry)
    this.#size += entry.size
  }

  #drop(key: string, entry: Kept) {
    this.#kept.delete(key)
    this.#size -= entry.size
  }
}
