/** Rendered texts by what they were made of, for a while: bounded in number and in characters, the longest unused goes first. */

export interface Bounds {
  readonly entries: number
  /** Of keys and texts together. */
  readonly characters: number
  readonly milliseconds: number
}

interface Entry {
  readonly text: string
  /** In milliseconds, on the clock that `get` and `set` are told. */
  readonly until: number
}

export class RenderCache {
  readonly #entries = new Map<string, Entry>()
  readonly #bounds: Bounds
  characters = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: number): string | undefined {
    const found = this.#entries.get(key)
    if (found === undefined) return undefined
    this.#remove(key, found)
    if (found.until <= now) return undefined
    this.#put(key, found)
    return found.text
  }

  /** Takes the place of what was kept; a text that would push most others out is not kept. */
  set(key: string, text: string, now: number): void {
    const { characters, entries, milliseconds } = this.#bounds
    const before = this.#entries.get(key)
    if (before !== undefined) this.#remove(key, before)
    if (milliseconds <= 0 || key.length + text.length > characters / 4) return
    this.#put(key, { text, until: now + milliseconds })
    for (const [oldest, entry] of this.#entries) {
      if (this.size <= entries && this.characters <= characters) break
      this.#remove(oldest, entry)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.characters = 0
  }

  #put(key: string, entry: Entry): void {
    this.#entries.set(key, entry)
    this.characters += key.length + entry.text.length
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.characters -= key.length + entry.text.length
  }
}
