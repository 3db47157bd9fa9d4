/** Logs every progress event at level debug. */
import { Effect, Layer } from "effect"
import { Log } from "../logging/Log.ts"
import { ProgressEvents } from "./ProgressEvents.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const log = yield* Log
    const events = yield* ProgressEvents
    const run = Effect.runForkWith(yield* Effect.context<never>())
    yield* events.listen((_, { event_type, ...event }) => {
      if (log.enabled("debug")) run(Effect.annotateLogs(Effect.logDebug(event_type), event))
    })
  })
)
