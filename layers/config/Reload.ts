/** Reads the configuration again when the process is told to by SIGHUP, and when its file has changed. */
import { Cause, Effect, FileSystem, Layer, Option, Queue } from "effect"
import { Signals } from "../platform/Signals.ts"
import { ConfigSource } from "./ConfigSource.ts"

/** Looking is one `stat`. It sees what notifications miss: links that point elsewhere, network folders, mounted files. */
const interval = "2 seconds"
/** Who writes a file in place first empties it, and an empty file is a valid one. */
const settling = "200 millis"

/** What is different when the file was written, replaced or removed. */
const stamp = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.stat(file))
  return Option.match(info, {
    onNone: () => "absent",
    onSome: ({ ino, mtime, size }) =>
      `${Option.getOrElse(ino, () => 0)} ${size} ${Option.match(mtime, { onNone: () => 0, onSome: Number })}`
  })
})

const settled = Effect.fnUntraced(function* (file: string) {
  let last = yield* stamp(file)
  while (true) {
    yield* Effect.sleep(settling)
    const now = yield* stamp(file)
    if (now === last) return now
    last = now
  }
})

const watch = Effect.fnUntraced(function* (file: string, changed: Effect.Effect<unknown>) {
  let seen = yield* stamp(file)
  yield* Effect.logDebug("watching the configuration file").pipe(Effect.annotateLogs({ file }))
  while (true) {
    yield* Effect.sleep(interval)
    if ((yield* stamp(file)) === seen) continue
    seen = yield* settled(file)
    yield* changed
  }
})

/** Reloads, and tells the log what came of it. */
export const reload = Effect.gen(function* () {
  const config = yield* ConfigSource
  const { applied, changed, needRestart } = yield* config.reload
  yield* Effect.logInfo("configuration reloaded").pipe(
    Effect.annotateLogs({ changed, applied, needs_restart: needRestart })
  )
}).pipe(
  Effect.catchTag("ConfigInvalid", ({ problems }) =>
    Effect.forEach(
      problems,
      ({ message, path, source }) =>
        // Apart from each other: `token: the …` in one text would be masked as a secret.
        Effect.logError(`configuration not reloaded: ${message}`).pipe(
          Effect.annotateLogs({ ...(path !== "" && { setting: path }), source })
        ),
      { discard: true }
    )
  ),
  // One part that cannot take its settings must not end this for all others.
  Effect.catchCauseIf(
    (cause) => !Cause.hasInterruptsOnly(cause),
    (cause) => Effect.logError("a reloaded configuration could not be applied", cause)
  )
)

/** Reloads for as long as the layer lives; begins when the program has started. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const config = yield* ConfigSource
    const signals = yield* Signals
    const due = yield* Queue.sliding<void>(1)
    yield* signals.onHangup(() => Queue.offerUnsafe(due, undefined))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(due), reload)))
    const { file } = yield* config.found
    if (file !== undefined) yield* Effect.forkScoped(watch(file, Queue.offer(due, undefined)))
  })
)
