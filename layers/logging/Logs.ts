/** Queries of the program's log: the file with its rotated ones if there is one, else the lines in memory. */
import { Context, Effect, type FileSystem } from "effect"
import { type LogPlace, readLogFiles } from "./readLogFiles.ts"
import type { LogEntry, LogQuery, Ring } from "./LogRing.ts"
import { redact } from "./redact.ts"

/** Bounds of one query. */
export const mostLines = 1000
const mostBytes = 1024 * 1024

export interface FoundLines {
  /** The newest matching lines, in chronological order. */
  readonly lines: ReadonlyArray<LogEntry>
  readonly source: "file" | "memory"
  /** Whether the whole log was searched, or as many lines found as were requested. */
  readonly complete: boolean
}

/** Lines are redacted when they are logged; others may have written the file. */
const clean = (entry: LogEntry): LogEntry => {
  const { level, ...fields } = entry
  return { ...(redact(fields) as Omit<LogEntry, "level">), level } as LogEntry
}

/** The newest lines that are together at most 1 MiB. */
const bounded = (entries: ReadonlyArray<LogEntry>) => {
  let left = mostBytes
  const kept = entries
    .toReversed()
    .filter((entry) => left >= 0 && (left -= JSON.stringify(entry).length) >= 0)
  return kept.toReversed()
}

export class Logs extends Context.Service<
  Logs,
  {
    /** Takes linear time. At most 1000 lines and 1 MiB. */
    readonly find: (query: LogQuery) => Effect.Effect<FoundLines>
  }
>()("manifold/logging/Logs") {
  /** `place`: the current log file. */
  static readonly from = (ring: Ring, place: () => LogPlace | undefined, fs: FileSystem.FileSystem) => {
    const inMemory = (query: LogQuery) => Effect.sync(() => ({ lines: ring.query(query), complete: true }))
    return Logs.of({
      find: Effect.fnUntraced(function* (query) {
        const wanted = { ...query, lines: Math.min(query.lines ?? mostLines, mostLines) }
        const where = place()
        const inFiles =
          where === undefined
            ? undefined
            : yield* readLogFiles(fs, where, wanted).pipe(
                Effect.catch((error) =>
                  Effect.as(Effect.logDebug("the log file cannot be read", error), undefined)
                )
              )
        const { complete, lines } = inFiles ?? (yield* inMemory(wanted))
        const shown = bounded(lines.map(clean))
        return {
          lines: shown,
          source: inFiles === undefined ? "memory" : "file",
          complete: complete && shown.length === lines.length
        }
      })
    })
  }
}
