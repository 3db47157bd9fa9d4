/** The log: JSON lines on a standard stream (readable text on a terminal), in a file if there is one, and in memory. */
import { Cause, Context, Effect, Exit, FileSystem, Layer, Logger, Path, References, Scope } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { OutputStreams, type Name } from "../platform/OutputStreams.ts"
import { Storage } from "../storage/Storage.ts"
import { LineRateLimit } from "./LineRateLimit.ts"
import { ofEffect } from "./LogLevel.ts"
import * as Line from "./logLine.ts"
import { Log } from "./Log.ts"
import { LogRing, Ring } from "./LogRing.ts"
import * as Outputs from "./logOutputs.ts"
import { section, type Settings } from "./section.ts"

/** Which standard stream is written. Standard output belongs to the protocol, or to a command's answer. */
export const Stream = Context.Reference<Name>("manifold/logging/Stream", { defaultValue: () => "stderr" })

type Fields = Readonly<Record<string, unknown>>

/** What a line says of the call in whose services it was logged: `request_id`, and so on. */
export const Origin = Context.Reference<(services: Context.Context<never>) => Fields | undefined>(
  "manifold/logging/Origin",
  { defaultValue: () => () => undefined }
)

/** Whose lines count together: of the tool that logs, else of the call, else of the part of the program. */
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

/** The log's file as an absolute path. A relative one is inside the storage's folder, which is resolved only then. */
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
  // At the start, a folder that is not to be had is a reason to stop; later it is not.
  yield* fileOf(settings, storage)
  const ring = new Ring({ lines: settings.recent_lines, bytes: settings.recent_bytes })
  const flood = new LineRateLimit(settings.lines_per_second)
  const log = yield* Log.make(ring, flood)
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path | R>()
  let outputs = yield* Scope.fork(scope)

  yield* config.follow(section, (now) =>
    Effect.gen(function* () {
      yield* log.setLevel(now.level)
      flood.perSecond = now.lines_per_second
      ring.resize({ lines: now.recent_lines, bytes: now.recent_bytes })
      const file = yield* fileOf(now, storage).pipe(
        Effect.catch(({ message }) => Effect.sync(() => log.tell("error", message, {})))
      )
      const before = outputs
      outputs = yield* Scope.fork(scope)
      yield* Scope.provide(Outputs.openOutputs(log, ring, stream, now, file ?? undefined), outputs)
      yield* Scope.close(before, Exit.void)
    }).pipe(Effect.provideContext(services))
  )
  // Before the outputs end.
  yield* Effect.addFinalizer(() => log.settle)

  return Context.make(Log, log).pipe(
    Context.add(LogRing, LogRing.from(ring)),
    // The reference holds per fiber and could not be changed for those that run: our own level is asked instead.
    Context.add(References.MinimumLogLevel, "All"),
    Context.add(References.LogToStderr, true),
    Context.add(Logger.CurrentLoggers, new Set([logger(log, yield* Origin)]))
  )
})

/** Provides `Log` and `LogRing`, and takes the lines of every `Effect.log` above it. */
export const layerNoDeps = Layer.effectContext(make(Storage))

/** The same with its own `Storage`, which is built only for a relative `logging.file`. */
export const layer = Layer.effectContext(make(Effect.provide(Storage, Storage.layer)))
