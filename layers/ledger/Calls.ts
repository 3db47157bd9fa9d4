/** What happens to every call, told once by Guard: whoever logs, counts or bills calls observes them here. */
import { Context, Effect, Layer, type Scope } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import type { Trace } from "../../src/domain/Trace.ts"

/** One call of one entry. The object is the same in each of a call's events, so that observers can key on it. */
export interface Call {
  /** Unique per call. */
  readonly requestId: string
  /** What the caller knows the call by: an id of its own, else its trace's, else `requestId`. */
  readonly correlationId: string
  readonly kind: "tool" | "prompt" | "resource" | "completion"
  /** The entry's name, or a resource's URI. */
  readonly name: string
  /** The URI template that answers for the resource: there are few of those, and any number of URIs. */
  readonly template?: string | undefined
  readonly principal: Principal
  readonly trace: Trace | undefined
}

/**
 * How a call ended. `refused`: Guard let it not begin (`errorClass` is the error's tag, `limit` which limit it was).
 * `failed`: the handler said no, or took too long. `died`: it failed in a way that nobody foresaw.
 */
export type Outcome =
  | { readonly status: "succeeded"; readonly cached: boolean }
  | {
      readonly status: "refused"
      readonly errorClass: string
      readonly message: string
      readonly limit?: string
    }
  | { readonly status: "failed"; readonly errorClass: string; readonly message: string }
  | { readonly status: "died"; readonly errorClass: string; readonly message: string }
  | { readonly status: "interrupted" }

/** Each runs within the call and must neither throw nor wait. Durations are in milliseconds. */
export interface Observer {
  readonly received?: (call: Call) => void
  /** The handler begins; not told of calls that are refused or answered from the cache. */
  readonly started?: (call: Call) => void
  /** The handler begins once more, after it failed `attempt` times (from 1). */
  readonly retried?: (call: Call, attempt: number, errorClass: string) => void
  /** Told of every call that was received, once. `duration` counts from `received`. */
  readonly finished?: (call: Call, outcome: Outcome, duration: number) => void
}

export class Calls extends Context.Service<
  Calls,
  {
    /** Tells the observer of every call while the scope is open. */
    readonly observe: (observer: Observer) => Effect.Effect<void, never, Scope.Scope>
    /** Those that observe now, in the order in which they came. */
    readonly observers: ReadonlySet<Observer>
  }
>()("manifold/ledger/Calls") {
  static readonly layer = Layer.sync(Calls, () => {
    const observers = new Set<Observer>()
    return Calls.of({
      observers,
      observe: (observer) =>
        Effect.acquireRelease(
          Effect.sync(() => observers.add(observer)),
          () => Effect.sync(() => observers.delete(observer))
        ).pipe(Effect.asVoid)
    })
  })
}
