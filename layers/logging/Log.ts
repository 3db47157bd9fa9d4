/** Log pipeline: level, line rate limit, ring buffer, outputs. */
import { Clock, Context, Duration, Effect, Latch } from "effect"
import type { LineRateLimit } from "./LineRateLimit.ts"
import { rank, type Level, type Threshold } from "./LogLevel.ts"
import { json } from "./logLine.ts"
import type { Ring } from "./LogRing.ts"

export interface Output {
  /** Called with each JSON line. JSON outputs get encoded batches from the ring's listeners instead. */
  readonly push: (line: string) => void
}

const second = Duration.seconds(1)

export class Log extends Context.Service<
  Log,
  {
    /** The current level (threshold). */
    readonly level: Effect.Effect<Threshold>
    /** Changes the level for the whole program at once. */
    readonly setLevel: (level: Threshold) => Effect.Effect<void>
    /** Whether the level is enabled, so that callers can skip formatting. */
    readonly enabled: (level: Level) => boolean
    /** Applies the line rate limit; a rejected line is counted. `time` in milliseconds. */
    readonly admits: (source: string, level: Level, time: number) => boolean
    /** Writes a JSON line made by `logLine`, regardless of the level. */
    readonly write: (time: number, level: Level, line: string) => void
    /** Outputs in addition to the ring. */
    readonly outputs: Set<Output>
    /** Logs an event of the log itself. */
    readonly report: (level: Level, message: string, fields: Readonly<Record<string, unknown>>) => void
    /** Reports dropped lines now instead of a second after the first. */
    readonly settle: Effect.Effect<void>
  }
>()("manifold/logging/Log") {
  /** Lives with the scope. Writes nothing until the level is set. */
  static readonly make = Effect.fnUntraced(function* (ring: Ring, rateLimit: LineRateLimit) {
    const clock = yield* Clock.Clock
    const dropping = Latch.makeUnsafe(false)
    const outputs = new Set<Output>()
    let current: Threshold = "none"
    let least = rank[current]

    const enabled = (level: Level) => rank[level] >= least

    const write = (time: number, level: Level, line: string) => {
      ring.add(time, level, line)
      for (const output of outputs) output.push(line)
    }

    const report = (level: Level, message: string, fields: Readonly<Record<string, unknown>>) => {
      const time = clock.currentTimeMillisUnsafe()
      if (enabled(level)) write(time, level, json({ time, level, message, fields }))
    }

    const settle = Effect.sync(() => {
      dropping.closeUnsafe()
      for (const [source, lines] of rateLimit.settle()) {
        report("warn", "log lines dropped by the rate limit", { source, dropped: lines })
      }
    })

    yield* dropping.await.pipe(
      Effect.andThen(Effect.sleep(second)),
      Effect.andThen(settle),
      Effect.forever,
      Effect.forkScoped
    )

    return Log.of({
      level: Effect.sync(() => current),
      setLevel: (level) =>
        Effect.sync(() => {
          current = level
          least = rank[level]
        }),
      enabled,
      admits: (source, level, time) => {
        if (rateLimit.admits(source, rank[level] >= rank.warn, time)) return true
        dropping.openUnsafe()
        return false
      },
      write,
      outputs,
      report,
      settle
    })
  })
}
