/** Hot reload of the configuration, at SIGHUP and when its file changes. */
import { Cause, Effect, Layer, Queue } from "effect"
import { Signals } from "../platform/Signals.ts"
import { watchFiles } from "../platform/watchFiles.ts"
import { ConfigSource } from "./ConfigSource.ts"

/** Reloads and logs the result. */
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
        // As separate fields: `token: the …` in one text would be masked as a secret.
        Effect.logError(`configuration not reloaded: ${message}`).pipe(
          Effect.annotateLogs({ ...(path !== "" && { setting: path }), source })
        ),
      { discard: true }
    )
  ),
  // A follower that fails to apply its settings must not stop hot reload.
  Effect.catchCauseIf(
    (cause) => !Cause.hasInterruptsOnly(cause),
    (cause) => Effect.logError("cannot apply the reloaded configuration", cause)
  )
)

/** Hot reload while the layer is alive. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const config = yield* ConfigSource
    const signals = yield* Signals
    const due = yield* Queue.sliding<void>(1)
    yield* signals.onHangup(() => Queue.offerUnsafe(due, undefined))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(due), reload)))
    const { file, stamp } = yield* config.found
    if (file === undefined) return
    yield* Effect.logDebug("watching the configuration file").pipe(Effect.annotateLogs({ file }))
    yield* Effect.forkScoped(watchFiles([file], Queue.offer(due, undefined), stamp))
  })
)
