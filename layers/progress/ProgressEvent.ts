/** Progress event of a running call, as listeners, channels and the log receive it. */
import type { Schema } from "effect"

/**
 * `progress_started` is the first event of a call, and the last one is `progress_completed`, `progress_failed`,
 * `progress_interrupted` or `progress_suspended` (the client must send its input in a further request);
 * after `progress_step_failed`, which names the step, the call may continue.
 */
export type ProgressEventType =
  | "progress_started"
  | "progress_update"
  | "progress_step_failed"
  | "progress_completed"
  | "progress_failed"
  | "progress_interrupted"
  | "progress_suspended"

/** A type instead of an interface, so that it is assignable to `Schema.Json`. */
export type ProgressDetails = {
  /** The part that this event is about: the whole call, a step, or a child. */
  readonly progress_id: string
  /** The parent part; null for the whole call. */
  readonly parent_id: string | null
  readonly message?: string
  /** As reported by the handler, in its own unit. */
  readonly progress?: number
  readonly total?: number
  /** The name of the error that a step failed with. */
  readonly error?: string
} & {
  /** Further details of the handler. In a separate type, because optional keys beside it need `exactOptionalPropertyTypes`. */
  readonly [key: string]: Schema.Json
}

export type ProgressEvent = {
  readonly event_type: ProgressEventType
  /** The name of the entry that was called. */
  readonly tool: string
  readonly request_id: string
  /** The latest step; null before the first one. */
  readonly step: string | null
  /** Of the whole call, whichever part the event is about: from 0 to 100, never decreasing; null while unknown. */
  readonly progress_percent: number | null
  /** Estimated remaining milliseconds at the recent speed; null while unknown. */
  readonly eta_ms: number | null
  /** Milliseconds since the first report. */
  readonly elapsed_ms: number
  readonly details: ProgressDetails
  readonly correlation_id: string
}
