/** Bounds the rows of repeated refusals: per key and minute, with the number of those without a row. */
import { BoundedCache } from "../cache/BoundedCache.ts"

const window = 60_000

/** Tracked keys; beyond that, the least recently used is evicted. */
const maxKeys = 10_000

export class RowLimit {
  readonly #max: number
  /** Rows of the current minute by key. */
  readonly #windows = new BoundedCache<{ rows: number }>({ maxEntries: maxKeys, maxSize: Infinity })
  #omitted = 0

  /** `max`: rows per key and minute. */
  constructor(max: number) {
    this.#max = max
  }

  /** The number of rows of all keys that were omitted since the last row; `undefined` if this one is omitted. `now` in milliseconds. */
  take(key: string, now: number): number | undefined {
    const known = this.#windows.get(key, now)?.value
    if (known !== undefined && known.rows >= this.#max) {
      this.#omitted++
      return undefined
    }
    if (known === undefined) this.#windows.put(key, { rows: 1 }, 0, now + window)
    else known.rows++
    const omitted = this.#omitted
    this.#omitted = 0
    return omitted
  }
}
