/** Records of calls that must be written before the response is sent, such as usage and audit. `Calls` is for observers that do not wait. */
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import type { Call, Outcome } from "./Calls.ts"

/** The journal cannot be written, and no call may run unrecorded. */
export class JournalUnavailable extends Schema.TaggedError<JournalUnavailable>()("JournalUnavailable", {
  /** Milliseconds. */
  retryAfter: Schema.Finite,
  /** What is wrong, and what to do. */
  detail: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const again = `try again in ${Math.ceil(this.retryAfter / 1000)} s`
    return this.detail === undefined
      ? `the journal of calls cannot be written: ${again}`
      : `the journal of calls cannot be written: ${this.detail}; then ${again}`
  }
}

/** Each is given 5 seconds. Writers run one after the other, in the order in which they were added. */
export interface Writer {
  /** Whether `after` is for this call; absent: it is for every call. A call that no writer records waits for none. */
  readonly records?: (call: Call, outcome: Outcome) => boolean
  /** Whether `before` is for this call; absent: it is for every call. */
  readonly precedes?: (call: Call) => boolean
  /** Awaited after the call was admitted, before its handler runs. A failure rejects the call. */
  readonly before?: (call: Call) => Effect.Effect<void, JournalUnavailable>
  /**
   * Awaited before the response is sent, once for every call, including calls that were rejected, served from the cache or
   * interrupted. Continues if the caller disconnects. `duration` is in milliseconds.
   */
  readonly after?: (call: Call, outcome: Outcome, duration: number) => Effect.Effect<void>
}

export class Journal extends Context.Service<
  Journal,
  {
    /** Adds a writer while the scope is open. */
    readonly add: (writer: Writer) => Effect.Effect<void, never, Scope.Scope>
    readonly writers: ReadonlySet<Writer>
  }
>()("manifold/ledger/Journal") {
  static readonly layer = Layer.sync(Journal, () => {
    const writers = new Set<Writer>()
    return Journal.of({
      writers,
      add: (writer) =>
        Effect.acquireRelease(
          Effect.sync(() => writers.add(writer)),
          () => Effect.sync(() => writers.delete(writer))
        ).pipe(Effect.asVoid)
    })
  })
}
