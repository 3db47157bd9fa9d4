/** Progress events of all calls: creates a tracker for each call and publishes its events to listeners. */
import { Context, Effect, Layer, type Scope } from "effect"
import { Ids } from "../platform/Ids.ts"
import type { Rate } from "./TokenBucket.ts"
import * as Tracker from "./Tracker.ts"

export class ProgressEvents extends Context.Service<
  ProgressEvents,
  {
    /** Calls the listener with every event of every call while the scope is open. */
    readonly listen: (listener: Tracker.CallsListener) => Effect.Effect<void, never, Scope.Scope>
    /** Creates the tracker of a call, which costs next to nothing until the first report. `listener` receives the events of this call only. */
    readonly track: (subject: Tracker.Subject, listener?: Tracker.Listener) => Tracker.Tracker
  }
>()("manifold/progress/ProgressEvents") {
  /** Rate limit of the events of one call. The start and the failure of a step are always published. */
  static readonly layerWith = (rate: Rate) =>
    Layer.effect(
      ProgressEvents,
      Effect.map(Ids, ({ nextUnsafe }) => {
        const listeners = new Set<Tracker.CallsListener>()
        const shared: Tracker.Shared = { listeners, newId: nextUnsafe, rate }
        return ProgressEvents.of({
          listen: (listener) =>
            Effect.acquireRelease(
              Effect.sync(() => listeners.add(listener)),
              () => Effect.sync(() => listeners.delete(listener))
            ).pipe(Effect.asVoid),
          track: (subject, listener) => Tracker.make(subject, shared, listener && [listener])
        })
      })
    )

  static readonly layer = ProgressEvents.layerWith({ interval: 100, burst: 5 })
}
