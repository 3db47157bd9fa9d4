/** The progress of every call: who wants to know of it listens here, and whoever runs calls has them followed here. */
import { Context, Effect, Layer, type Scope } from "effect"
import { Ids } from "../platform/Ids.ts"
import type { Rate } from "./TokenBucket.ts"
import * as Tracker from "./Tracker.ts"

export class ProgressEvents extends Context.Service<
  ProgressEvents,
  {
    /** Tells the listener of every call's progress while the scope is open. */
    readonly listen: (listener: Tracker.CallsListener) => Effect.Effect<void, never, Scope.Scope>
    /** Follows a call, which costs next to nothing until it says something; `listener` is told of this call only. */
    readonly track: (subject: Tracker.Subject, listener?: Tracker.Listener) => Tracker.Tracker
  }
>()("manifold/progress/ProgressEvents") {
  /** At most `burst` events of a call at once, and then one in each `interval` ms; steps that begin or fail besides. */
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
