/** The latest lines of the log, kept in memory for whoever asks later. */
import { Context, Effect, Schema } from "effect"
import { rank, type Level } from "./Level.ts"

/** A line as it was written, without secrets; its own members beside the first three. */
export interface Entry {
  readonly timestamp: string
  readonly level: Level
  readonly message: unknown
  readonly [field: string]: unknown
}

export interface Query {
  /** The least severe level. Default: all. */
  readonly level?: Level
  /** How many of the newest. Default: all that are kept. */
  readonly lines?: number
  /** The earliest time, in milliseconds since 1970. */
  readonly since?: number
  /** What the line contains, in any case of letters. */
  readonly search?: string
}

interface Kept {
  readonly time: number
  readonly level: Level
  readonly line: string
}

/** A line has what `Line` writes: the three members of every entry, and fields. */
const entryOf = ({ level, line }: Kept): Entry => {
  const { message, timestamp, ...fields } = decode(line)
  return { ...fields, timestamp: String(timestamp), level, message }
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** The most that is kept. A character counts as a byte, as most are in memory. */
export interface Most {
  readonly lines: number
  readonly bytes: number
}

export class Ring {
  #most: Most = { lines: 0, bytes: 0 }
  #kept: Array<Kept | undefined> = []
  #first = 0
  #count = 0
  #bytes = 0

  constructor(most: Most) {
    this.resize(most)
  }

  /** Keeps the newest that fit. */
  resize(most: Most) {
    const before = Array.from({ length: this.#count }, (_, index) => this.#at(index))
    this.#most = most
    this.#kept = Array.from({ length: most.lines }, () => undefined)
    this.#first = this.#count = this.#bytes = 0
    for (const kept of before) if (kept !== undefined) this.add(kept.time, kept.level, kept.line)
  }

  #at(index: number) {
    return this.#kept[(this.#first + index) % this.#most.lines]
  }

  /** `line` is JSON. One that is larger than the ring is not kept, and leaves nothing before it. */
  add(time: number, level: Level, line: string) {
    this.#bytes += line.length
    while (this.#count > 0 && (this.#count === this.#most.lines || this.#bytes > this.#most.bytes)) {
      this.#bytes -= this.#kept[this.#first]?.line.length ?? 0
      this.#kept[this.#first] = undefined
      this.#first = (this.#first + 1) % this.#most.lines
      this.#count--
    }
    if (this.#bytes > this.#most.bytes) {
      this.#bytes = 0
      return
    }
    this.#kept[(this.#first + this.#count) % this.#most.lines] = { time, level, line }
    this.#count++
  }

  /** The newest that match, oldest of them first. */
  query({
    level = "trace",
    lines = this.#most.lines,
    search,
    since = -Infinity
  }: Query): ReadonlyArray<Entry> {
    const wanted = search?.toLowerCase()
    const found: Array<Entry> = []
    for (let index = this.#count - 1; index >= 0 && found.length < lines; index--) {
      const kept = this.#at(index)
      if (kept === undefined || rank[kept.level] < rank[level] || kept.time < since) continue
      if (wanted !== undefined && !kept.line.toLowerCase().includes(wanted)) continue
      found.push(entryOf(kept))
    }
    return found.toReversed()
  }
}

export class LogRing extends Context.Service<
  LogRing,
  {
    /** The newest lines that match, the newest last. */
    readonly query: (query: Query) => Effect.Effect<ReadonlyArray<Entry>>
  }
>()("manifold/logging/LogRing") {
  static readonly from = (ring: Ring) =>
    LogRing.of({ query: (query) => Effect.sync(() => ring.query(query)) })
}
