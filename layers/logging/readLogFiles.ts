/** Searches a log file and its rotated ones from the newest line backwards, in linear time and bounded memory. */
import { Effect, type FileSystem, Option } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { lineFeed } from "./LogBatch.ts"
import { levels, type Level, rank } from "./LogLevel.ts"
import type { LogEntry, LogQuery } from "./LogRing.ts"

export interface LogPlace {
  /** Absolute path. */
  readonly file: string
  /** Number of rotated files. */
  readonly keep: number
}

const chunkBytes = 256 * 1024
/** Bytes that one query reads. */
const mostRead = 32 * 1024 * 1024
/** A longer line is skipped: it is not one of this program's. */
const longestLine = 1024 * 1024

const decoder = new TextDecoder()

const isLevel = (value: unknown): value is Level => levels.some((level) => level === value)

/** A line of this program; `undefined` for another one. */
const entryOf = (line: string): LogEntry | undefined => {
  if (!line.startsWith(`{"timestamp":"`)) return undefined
  try {
    const { level, message, timestamp, ...fields } = JSON.parse(line) as Record<string, unknown>
    return isLevel(level) ? { ...fields, timestamp: String(timestamp), level, message } : undefined
  } catch {
    return undefined
  }
}

const absent = <A, R>(effect: Effect.Effect<A, PlatformError, R>) =>
  Effect.catchTag(effect, "PlatformError", (error) =>
    error.reason._tag === "NotFound" ? Effect.undefined : Effect.fail(error)
  )

/** Calls `take` with each line of the file, the last one first, until it returns true. Returns the number of bytes read. */
const linesBackwards = Effect.fnUntraced(function* (
  file: FileSystem.File,
  size: number,
  budget: number,
  take: (line: Uint8Array) => boolean
) {
  let position = size
  /** The beginning of a line whose start is not read yet. */
  let rest = new Uint8Array()
  let read = 0
  while (position > 0 && read < budget) {
    const length = Math.min(chunkBytes, position)
    position -= length
    const chunk = Option.getOrElse(
      yield* file.readAlloc(length, { position: BigInt(position) }),
      () => new Uint8Array()
    )
    read += length
    const bytes = new Uint8Array(chunk.length + rest.length)
    bytes.set(chunk)
    bytes.set(rest, chunk.length)
    let end = bytes.length
    for (let start = bytes.lastIndexOf(lineFeed, end - 1); start >= 0 && end > 0;) {
      if (start + 1 < end && take(bytes.subarray(start + 1, end))) return { done: true, read }
      end = start
      start = end === 0 ? -1 : bytes.lastIndexOf(lineFeed, end - 1)
    }
    rest = end > longestLine ? new Uint8Array() : bytes.slice(0, end)
  }
  return { done: position === 0 && rest.length > 0 && take(rest), read }
})

export const readLogFiles = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  { file, keep }: LogPlace,
  { level = "trace", lines = Infinity, search, since = -Infinity }: LogQuery
) {
  const wanted = search?.toLowerCase()
  const found: Array<LogEntry> = []
  const take = (bytes: Uint8Array): boolean => {
    const text = decoder.decode(bytes)
    if (wanted !== undefined && !text.toLowerCase().includes(wanted)) return false
    const entry = entryOf(text)
    if (entry === undefined) return false
    // Lines of several processes are in the order of their writes, which may differ by a moment.
    if (Date.parse(entry.timestamp) < since) return Date.parse(entry.timestamp) < since - 60_000
    if (rank[entry.level] >= rank[level]) found.push(entry)
    return found.length >= lines
  }
  const seen = new Set<bigint>()
  let budget = mostRead
  for (let age = 0; age <= keep; age++) {
    const path = age === 0 ? file : `${file}.${age}`
    const result = yield* Effect.scoped(
      Effect.gen(function* () {
        // To open a pipe would wait for its writer.
        if ((yield* absent(fs.stat(path)))?.type !== "File") return undefined
        const opened = yield* absent(fs.open(path, { flag: "r" }))
        if (opened === undefined) return undefined
        const { ino, size } = yield* opened.stat
        const inode = Option.getOrUndefined(ino)
        // Rotated since the file before was read.
        if (inode !== undefined && seen.has(inode)) return undefined
        if (inode !== undefined) seen.add(inode)
        return yield* linesBackwards(opened, Number(size), budget, take)
      })
    )
    if (result === undefined) continue
    budget -= result.read
    if (result.done) return { lines: found.toReversed(), complete: true }
    if (budget <= 0) return { lines: found.toReversed(), complete: false }
  }
  return { lines: found.toReversed(), complete: true }
})
