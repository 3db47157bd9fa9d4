/** Where every line goes: past the level and the flood limit, into the ring and to the outputs. */
import { Clock, Context, Duration, Effect, Latch } from "effect"
import type { LineRateLimit } from "./LineRateLimit.ts"
import { rank, type Level, type Threshold } from "./LogLevel.ts"
import { json } from "./logLine.ts"
import type { Ring } from "./LogRing.ts"

export interface Output {
  /** Called with each line of JSON. An output of JSON gets the bytes from the ring's listeners instead. */
  readonly push: (line: string) => void
}

const second = Duration.seconds(1)

export class Log extends Context.Service<
  Log,
  {
    /** The least severe level that is written now. */
    readonly level: Effect.Effect<Threshold>
    /** Changes it for the whole program, at once. */
    readonly setLevel: (level: Threshold) => Effect.Effect<void>
    /** For code on the hot path and for other loggers: what is not enabled need not be put together. */
    readonly enabled: (level: Level) => boolean
    /** Whether the source may log another line in this second; if not, the line is counted. `time` in milliseconds. */
    readonly admits: (source: string, level: Level, time: number) => boolean
    /** Takes a line of JSON as `Line` writes it, whatever the level. */
    readonly write: (time: number, level: Level, line: string) => void
    /** Where lines go besides the ring. */
    readonly outputs: Set<Output>
    /** Writes a line of the log's own. */
    readonly tell: (level: Level, message: string, fields: Readonly<Record<string, unknown>>) => void
    /** Tells now of the lines that were not admitted, as happens a second after the first of them. */
    readonly settle: Effect.Effect<void>
  }
>()("manifold/logging/Log") {
  /** For as long as the scope is open. Writes nothing until it has a level. */
  static readonly make = Effect.fnUntraced(function* (ring: Ring, flood: LineRateLimit) {
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

    const tell = (level: Level, message: string, fields: Readonly<Record<string, unknown>>) => {
      const time = clock.currentTimeMillisUnsafe()
      if (enabled(level)) write(time, level, json({ time, level, message, fields }))
    }

    const settle = Effect.sync(() => {
      dropping.closeUnsafe()
      for (const [source, lines] of flood.settle()) {
        tell("warn", "too many log lines in a second", { source, dropped: lines })
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
        if (flood.admits(source, rank[level] >= rank.warn, time)) return true
        dropping.openUnsafe()
        return false
      },
      write,
      outputs,
      tell,
      settle
    })
  })
}
