/** Logging layer: JSON lines on a standard stream (readable text on a terminal), optionally in a file, and in memory. */
import { Cause, Context, Effect, Exit, FileSystem, Layer, Logger, Path, References, Scope } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { OutputStreams, type Name } from "../platform/OutputStreams.ts"
import { Storage } from "../storage/Storage.ts"
import { LineRateLimit } from "./LineRateLimit.ts"
import { ofEffect } from "./LogLevel.ts"
import * as Line from "./logLine.ts"
import { Log } from "./Log.ts"
import { LogRing, Ring } from "./LogRing.ts"
import { Logs } from "./Logs.ts"
import type { LogPlace } from "./readLogFiles.ts"
import * as Outputs from "./logOutputs.ts"
import { section, type Settings } from "./section.ts"

/** The standard stream for logs. Standard output is reserved for the protocol or the output of commands. */
export const Stream = Context.Reference<Name>("manifold/logging/Stream", { defaultValue: () => "stderr" })

type Fields = Readonly<Record<string, unknown>>

/** Fields of the call that is logging, such as `request_id`. */
export const Origin = Context.Reference<(services: Context.Context<never>) => Fields | undefined>(
  "manifold/logging/Origin",
  { defaultValue: () => () => undefined }
)

/** Source for the line rate limit: the tool, else the call, else the logger's name. */
const sourceOf = ({ call, logger, tool }: Fields): string => {
  const source = tool ?? call ?? logger
  return typeof source === "string" ? source : ""
}

const logger = (log: Log["Service"], origin: (services: Context.Context<never>) => Fields | undefined) =>
  Logger.make<unknown, void>(({ cause, date, fiber, logLevel, message }) => {
    const level = ofEffect[logLevel]
    if (!log.enabled(level)) return
    const time = date.getTime()
    const fields = { ...origin(fiber.context), ...fiber.getRef(References.CurrentLogAnnotations) }
    if (!log.admits(sourceOf(fields), level, time)) return
    const spans = fiber.getRef(References.CurrentLogSpans)
    const line = Line.json({
      time,
      level,
      message: Array.isArray(message) && message.length === 1 ? message[0] : message,
      fields,
      ...(spans.length > 0 && {
        spans: Object.fromEntries(spans.map(([label, began]) => [label, time - began]))
      }),
      ...(cause.reasons.length > 0 && { cause: Cause.pretty(cause) })
    })
    log.write(time, level, line)
  })

/** Absolute path of the log file. A relative one is inside the storage folder, which is resolved only if needed. */
const fileOf = Effect.fnUntraced(function* <E, R>(
  { file }: Settings,
  storage: Effect.Effect<Storage["Service"], E, R>
) {
  if (file === undefined) return undefined
  if ((yield* Path.Path).isAbsolute(file)) return file
  return (yield* storage).path(file)
})

const make = Effect.fnUntraced(function* <E extends { readonly message: string }, R>(
  storage: Effect.Effect<Storage["Service"], E, R>
) {
  const config = yield* ConfigSource
  const stream = (yield* OutputStreams)[yield* Stream]
  const scope = yield* Scope.Scope
  const settings = yield* config.read(section)
  // An unavailable folder is fatal at start, but not at reload.
  yield* fileOf(settings, storage)
  const ring = new Ring({ lines: settings.recent_lines, bytes: settings.recent_bytes })
  const rateLimit = new LineRateLimit(settings.lines_per_second)
  const log = yield* Log.make(ring, rateLimit)
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path | R>()
  let outputs = yield* Scope.fork(scope)
  let place: LogPlace | undefined

  yield* config.follow(section, (now) =>
    Effect.gen(function* () {
      yield* log.setLevel(now.level)
      rateLimit.perSecond = now.lines_per_second
      ring.resize({ lines: now.recent_lines, bytes: now.recent_bytes })
      const file = yield* fileOf(now, storage).pipe(
        Effect.catch(({ message }) => Effect.sync(() => log.report("error", message, {})))
      )
      place = file === undefined ? undefined : { file, keep: now.keep }
      const before = outputs
      outputs = yield* Scope.fork(scope)
      yield* Scope.provide(Outputs.openOutputs(log, ring, stream, now, file ?? undefined), outputs)
      yield* Scope.close(before, Exit.void)
    }).pipe(Effect.provideContext(services))
  )
  // Before the outputs close.
  yield* Effect.addFinalizer(() => log.settle)

  return Context.make(Log, log).pipe(
    Context.add(LogRing, LogRing.from(ring)),
    Context.add(
      Logs,
      Logs.from(ring, () => place, Context.get(services, FileSystem.FileSystem))
    ),
    // This reference cannot change for running fibers; `Log` has its own level.
    Context.add(References.MinimumLogLevel, "All"),
    Context.add(References.LogToStderr, true),
    Context.add(Logger.CurrentLoggers, new Set([logger(log, yield* Origin)]))
  )
})

/** Provides `Log` and `LogRing`, and handles `Effect.log` of the layers above. */
export const layerNoDeps = Layer.effectContext(make(Storage))

/** The same with its own `Storage`, which is built only for a relative `logging.file`. */
export const layer = Layer.effectContext(make(Effect.provide(Storage, Storage.layer)))
