/** Fixed-window counters in memory that all workers of the service share. */
import { hashOf, SharedMemory } from "../platform/SharedMemory.ts"
import { type Counter, type Limit, takeFrom } from "./fixedWindows.ts"

/** A counter: two hashes of its key, its count, an unused integer, and the end of its window. */
const counterBytes = 24
/** A key can be in one of this many places; a new one replaces the one whose window ends first. */
const places = 16
const buckets = 4096
/** Before the counters, for the lock. */
const head = 24

export const bytes = head + buckets * places * counterBytes

const integersPerCounter = counterBytes / 4
const floatsPerCounter = counterBytes / 8

class SharedCounter implements Counter {
  readonly #memory: SharedMemory
  readonly #at: number

  constructor(memory: SharedMemory, at: number) {
    this.#memory = memory
    this.#at = at
  }

  get count() {
    return this.#memory.integers[this.#at * integersPerCounter + 2] ?? 0
  }
  set count(count: number) {
    this.#memory.integers[this.#at * integersPerCounter + 2] = count
  }
  get endsAt() {
    return this.#memory.floats[this.#at * floatsPerCounter + 2] ?? 0
  }
  set endsAt(time: number) {
    this.#memory.floats[this.#at * floatsPerCounter + 2] = time
  }
}

/** `file` has `bytes` bytes, and is the same for all workers, as is the `seed`, which no client knows. */
export const make = (file: string, seed: number) => {
  const memory = new SharedMemory(file)
  const { floats, integers } = memory
  /** Index of a place; the head is as large as one. */
  const firstOf = (hash: number) => 1 + ((hash >>> 0) % buckets) * places

  const find = (key: string) => {
    const [one, two] = hashOf(key, seed)
    const first = firstOf(one)
    for (let at = first; at < first + places; at++) {
      const from = at * integersPerCounter
      if (integers[from] === one && integers[from + 1] === two) return new SharedCounter(memory, at)
    }
    return undefined
  }

  const create = (key: string, now: number) => {
    const [one, two] = hashOf(key, seed)
    const first = firstOf(one)
    let chosen = first
    const endOf = (at: number) => floats[at * floatsPerCounter + 2] ?? 0
    for (let at = first; at < first + places; at++) if (endOf(at) < endOf(chosen)) chosen = at
    integers[chosen * integersPerCounter] = one
    integers[chosen * integersPerCounter + 1] = two
    const counter = new SharedCounter(memory, chosen)
    counter.count = 0
    counter.endsAt = now
    return counter
  }

  const take = takeFrom({ find, create })
  return {
    take: (limits: ReadonlyArray<Limit>, now: number) => memory.exclusive(() => take(limits, now))
  }
}
