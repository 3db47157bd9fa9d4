/** The life of every call, published once by Guard: logs, metrics, traces and the ledger observe calls here. */
import { Context, Effect, Layer, type Scope } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import type { Trace } from "../../src/domain/Trace.ts"
import type { Spent } from "./Spend.ts"

/** `model`: one completion of a language or image model. `turn`: one turn of a conversation, with its nested calls. */
export type CallKind = "tool" | "prompt" | "resource" | "completion" | "model" | "turn"

/** One call of one entry. Each of a call's events carries the same object, so that observers can use it as a key. */
export interface Call {
  /** Unique per call. */
  readonly requestId: string
  /** The id by which the caller knows the call: the caller's own id, else the trace's, else `requestId`. */
  readonly correlationId: string
  readonly kind: CallKind
  /** The entry's name, a resource's URI, or a model's id. */
  readonly name: string
  /** The arguments of a tool, not validated yet. Observers must not keep them: they may be large and have secrets. */
  readonly args?: unknown
  /**
   * Replaces the name where a number of names is remembered: the URI template that matched the resource, or one name for all entries
   * of servers that callers choose.
   */
  readonly template?: string | undefined
  readonly principal: Principal
  readonly trace: Trace | undefined
  /** The call whose handler made this call. */
  readonly parent?: Call | undefined
  /** The MCP session, where the transport has one. */
  readonly session?: string | undefined
  readonly conversation?: string | undefined
}

/** How a call ended. */
export type Ending =
  | { readonly status: "succeeded"; readonly cached: boolean }
  /** Ended without a result because input of the client is required; the client repeats the call with it. */
  | { readonly status: "suspended" }
  /**
   * Rejected by Guard, before the handler began or, with `OverBudget`, while it ran. `errorClass` is the error's tag,
   * `limit` the limit's name.
   */
  | {
      readonly status: "refused"
      readonly errorClass: string
      readonly message: string
      readonly limit?: string
    }
  /** The handler failed with a typed error, or exceeded its time limit. */
  | { readonly status: "failed"; readonly errorClass: string; readonly message: string }
  /** The handler failed with a defect. */
  | { readonly status: "died"; readonly errorClass: string; readonly message: string }
  | { readonly status: "interrupted" }

/** `spent` is present if the call itself reported a charge; nested calls have separate outcomes. */
export type Outcome = Ending & { readonly spent?: Spent }

/** Each runs synchronously within the call and must neither throw nor wait; `Journal` is for what waits. Durations are in milliseconds. */
export interface Observer {
  readonly received?: (call: Call) => void
  /** The handler begins; not called for calls that are rejected or answered from the cache. */
  readonly started?: (call: Call) => void
  /** The handler is retried after it failed `attempt` times (from 1). */
  readonly retried?: (call: Call, attempt: number, errorClass: string) => void
  /** Called for every call that was received, once. `duration` counts from `received`. */
  readonly finished?: (call: Call, outcome: Outcome, duration: number) => void
  /** The entry exists, but the principal cannot obtain its scopes and gets `NotFound`. No other function is called. */
  readonly concealed?: (call: Call) => void
}

export class Calls extends Context.Service<
  Calls,
  {
    /** Notifies the observer of every call while the scope is open. */
    readonly observe: (observer: Observer) => Effect.Effect<void, never, Scope.Scope>
    /** The current observers, in the order in which they were added. */
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

/**
 * The call that the current handler works for; undefined outside of handlers. Set by Guard. Read `call` when it is needed:
 * a handler that waits for input of its client continues in the call that brings it.
 */
export const RunningCall = Context.Reference<{ readonly call: Call | undefined }>(
  "manifold/ledger/Calls/RunningCall",
  { defaultValue: () => ({ call: undefined }) }
)

/** How many nested calls a call has made. */
const nestedCalls = new WeakMap<Call, number>()

/** A call that `parent`'s handler makes: in the same trace, session and conversation, with an id below its parent's. */
export const nested = (
  parent: Call,
  call: Pick<Call, "kind" | "name" | "principal" | "template" | "args">
): Call => {
  const index = (nestedCalls.get(parent) ?? 0) + 1
  nestedCalls.set(parent, index)
  const { conversation, correlationId, requestId, session, trace } = parent
  return { ...call, requestId: `${requestId}/${index}`, correlationId, trace, parent, session, conversation }
}
