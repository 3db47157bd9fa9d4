/** Ring buffer of the newest log lines: they are encoded once, handed to the outputs, and kept for queries. */
import { Context, Effect, Schema } from "effect"
import * as Batch from "./LogBatch.ts"
import { rank, type Level } from "./LogLevel.ts"

const bufferBytes = 64 * 1024
/** Characters after which a batch is encoded, unless an output or a query needs it earlier. */
const batchCharacters = 8 * 1024

/** A line as it was written, without secrets; its own members beside the first three. */
export interface LogEntry {
  readonly timestamp: string
  readonly level: Level
  readonly message: unknown
  readonly [field: string]: unknown
}

export interface LogQuery {
  /** The least severe level. Default: all. */
  readonly level?: Level
  /** How many of the newest. Default: all that are kept. */
  readonly lines?: number
  /** The earliest time, in milliseconds since 1970. */
  readonly since?: number
  /** What the line contains, in any case of letters. */
  readonly search?: string
}

/** A line has what `Line` writes: the three members of every entry, and fields. */
const entryOf = (line: string, level: Level): LogEntry => {
  const { message, timestamp, ...fields } = decode(line)
  return { ...fields, timestamp: String(timestamp), level, message }
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
const decoder = new TextDecoder()

/** The most that can be queried: lines, and their bytes as UTF-8 without line feeds. */
export interface Most {
  readonly lines: number
  readonly bytes: number
}

/** Time and level by line: queries filter by them without decoding. */
interface Kept extends Batch.Batch {
  readonly times: ReadonlyArray<number>
  readonly levels: ReadonlyArray<Level>
}

const sizeOf = ({ end, lines, start }: Batch.Batch) => end - start - lines

/**
 * Lines are encoded in batches, because a call into the encoder for each line costs more than the line. Buffers are
 * reused, because new ones at this rate make the garbage collector work.
 */
export class Ring {
  /** Called with each batch, in order. Its bytes are overwritten when the ring has dropped it: a listener copies them. */
  readonly listeners = new Set<(batch: Batch.Batch) => void>()
  #most: Most
  readonly #buffer = new Batch.BatchBuffer(bufferBytes)
  /** Pending lines, with their times and levels. */
  #text = ""
  #times: Array<number> = []
  #levels: Array<Level> = []
  /** Oldest first. */
  readonly #kept: Array<Kept> = []
  #lines = 0
  #bytes = 0

  constructor(most: Most) {
    this.#most = most
  }

  /** Keeps the newest that fit. */
  resize(most: Most) {
    this.#most = most
    this.#evict()
  }

  /** `line` is JSON, `time` in milliseconds since 1970. */
  add(time: number, level: Level, line: string) {
    this.#text += `${line}\n`
    this.#times.push(time)
    this.#levels.push(level)
    if (this.#text.length >= batchCharacters) this.flush()
  }

  /** Encodes the pending lines and hands them to the listeners. */
  flush() {
    const times = this.#times
    if (times.length === 0) return
    const kept = { ...this.#buffer.append(this.#text, times.length), times, levels: this.#levels }
    this.#text = ""
    this.#times = []
    this.#levels = []
    this.#kept.push(kept)
    this.#lines += kept.lines
    this.#bytes += sizeOf(kept)
    this.#evict()
    for (const listener of this.listeners) listener(kept)
  }

  /** Drops the oldest batches while the newer ones alone fill the ring. */
  #evict() {
    for (let oldest = this.#kept[0]; oldest !== undefined; oldest = this.#kept[0]) {
      const lines = this.#lines - oldest.lines
      const bytes = this.#bytes - sizeOf(oldest)
      if (lines < this.#most.lines && bytes < this.#most.bytes) return
      this.#kept.shift()
      if (this.#kept[0]?.bytes !== oldest.bytes) this.#buffer.free(oldest.bytes)
      this.#lines = lines
      this.#bytes = bytes
    }
  }

  /** The newest that match, oldest of them first. A line that is larger than the ring hides all before it. */
  query({
    level = "trace",
    lines = this.#most.lines,
    search,
    since = -Infinity
  }: LogQuery): ReadonlyArray<LogEntry> {
    this.flush()
    const wanted = search?.toLowerCase()
    const found: Array<LogEntry> = []
    let linesLeft = this.#most.lines
    let bytesLeft = this.#most.bytes
    for (const { bytes, end, levels, start, times } of this.#kept.toReversed()) {
      let after = end
      for (let index = times.length - 1; index >= 0; index--) {
        const first = index === 0 ? start : bytes.lastIndexOf(Batch.lineFeed, after - 2) + 1
        const line = bytes.subarray(first, after - 1)
        after = first
        bytesLeft -= line.length
        if (linesLeft-- === 0 || bytesLeft < 0 || found.length >= lines) return found.toReversed()
        const its = levels[index] ?? "trace"
        if (rank[its] < rank[level] || (times[index] ?? 0) < since) continue
        const text = decoder.decode(line)
        if (wanted === undefined || text.toLowerCase().includes(wanted)) found.push(entryOf(text, its))
      }
    }
    return found.toReversed()
  }
}

export class LogRing extends Context.Service<
  LogRing,
  {
    /** The newest lines that match, the newest last. */
    readonly query: (query: LogQuery) => Effect.Effect<ReadonlyArray<LogEntry>>
  }
>()("manifold/logging/LogRing") {
  static readonly from = (ring: Ring) =>
    LogRing.of({ query: (query) => Effect.sync(() => ring.query(query)) })
}
