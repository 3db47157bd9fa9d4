/** The progress of every call in the log: a line at level debug for each event. */
import { Effect, Layer, LogLevel } from "effect"
import { ProgressEvents } from "./ProgressEvents.ts"

/** Listens only where such lines are written at all. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    if (!(yield* LogLevel.isEnabled("Debug"))) return
    const events = yield* ProgressEvents
    const run = Effect.runForkWith(yield* Effect.context<never>())
    yield* events.listen((_, { event_type, ...event }) => {
      run(Effect.annotateLogs(Effect.logDebug(event_type), event))
    })
  })
)
