/** Ring buffer of the newest log lines, encoded once for outputs and queries. */
import { Context, Effect, Schema } from "effect"
import * as Batch from "./LogBatch.ts"
import { rank, type Level } from "./LogLevel.ts"

const bufferBytes = 64 * 1024
/** Characters of a batch; it is encoded earlier if an output or a query needs it. */
const batchCharacters = 8 * 1024

/** A logged line, without secrets, with its fields as further members. */
export interface LogEntry {
  readonly timestamp: string
  readonly level: Level
  readonly message: unknown
  readonly [field: string]: unknown
}

export interface LogQuery {
  /** Minimum level. Default: all. */
  readonly level?: Level
  /** Maximum number, newest first. Default: all in the buffer. */
  readonly lines?: number
  /** The earliest time, in milliseconds since 1970. */
  readonly since?: number
  /** Case-insensitive search text. */
  readonly search?: string
}

/** Parses a line made by `logLine`. */
const entryOf = (line: string, level: Level): LogEntry => {
  const { message, timestamp, ...fields } = decode(line)
  return { ...fields, timestamp: String(timestamp), level, message }
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
const decoder = new TextDecoder()

/** Limits of the buffer: lines, and UTF-8 bytes without line feeds. */
export interface RingLimits {
  readonly lines: number
  readonly bytes: number
}

/** Times and levels of lines, so that queries filter without decoding. */
interface RetainedBatch extends Batch.Batch {
  readonly times: ReadonlyArray<number>
  readonly levels: ReadonlyArray<Level>
}

const sizeOf = ({ end, lines, start }: Batch.Batch) => end - start - lines

/**
 * Lines are encoded in batches, because one encoder call per line is expensive. Buffers are reused to avoid garbage
 * collection.
 */
export class Ring {
  /** Called with each batch in order. Listeners must copy its bytes, which are reused later. */
  readonly listeners = new Set<(batch: Batch.Batch) => void>()
  #limits: RingLimits
  readonly #buffer = new Batch.BatchBuffer(bufferBytes)
  /** Pending lines, with their times and levels. */
  #text = ""
  #times: Array<number> = []
  #levels: Array<Level> = []
  /** Oldest first. */
  readonly #batches: Array<RetainedBatch> = []
  #lines = 0
  #bytes = 0

  constructor(limits: RingLimits) {
    this.#limits = limits
  }

  /** Changes the limits and evicts the oldest lines beyond them. */
  resize(limits: RingLimits) {
    this.#limits = limits
    this.#evict()
  }

  /** `line` is JSON, `time` in milliseconds since 1970. */
  add(time: number, level: Level, line: string) {
    this.#text += `${line}\n`
    this.#times.push(time)
    this.#levels.push(level)
    if (this.#text.length >= batchCharacters) this.flush()
  }

  /** Encodes pending lines and notifies the listeners. */
  flush() {
    const times = this.#times
    if (times.length === 0) return
    const kept = { ...this.#buffer.append(this.#text, times.length), times, levels: this.#levels }
    this.#text = ""
    this.#times = []
    this.#levels = []
    this.#batches.push(kept)
    this.#lines += kept.lines
    this.#bytes += sizeOf(kept)
    this.#evict()
    for (const listener of this.listeners) listener(kept)
  }

  /** Evicts the oldest batches while the newer ones alone reach the limits. */
  #evict() {
    for (let oldest = this.#batches[0]; oldest !== undefined; oldest = this.#batches[0]) {
      const lines = this.#lines - oldest.lines
      const bytes = this.#bytes - sizeOf(oldest)
      if (lines < this.#limits.lines && bytes < this.#limits.bytes) return
      this.#batches.shift()
      if (this.#batches[0]?.bytes !== oldest.bytes) this.#buffer.free(oldest.bytes)
      this.#lines = lines
      this.#bytes = bytes
    }
  }

  /** The newest matches in chronological order. A line larger than the buffer hides all lines before it. */
  query({
    level = "trace",
    lines = this.#limits.lines,
    search,
    since = -Infinity
  }: LogQuery): ReadonlyArray<LogEntry> {
    this.flush()
    const wanted = search?.toLowerCase()
    const found: Array<LogEntry> = []
    let linesLeft = this.#limits.lines
    let bytesLeft = this.#limits.bytes
    for (const { bytes, end, levels, start, times } of this.#batches.toReversed()) {
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
    /** The newest matching lines, in chronological order. */
    readonly query: (query: LogQuery) => Effect.Effect<ReadonlyArray<LogEntry>>
  }
>()("manifold/logging/LogRing") {
  static readonly from = (ring: Ring) =>
    LogRing.of({ query: (query) => Effect.sync(() => ring.query(query)) })
}
