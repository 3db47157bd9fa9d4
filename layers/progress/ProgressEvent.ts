/** What is told of a running call: the one form in which listeners, channels and the log get its progress. */
import type { Schema } from "effect"

/**
 * `progress_started` is the first event of a call, and the last one is `progress_completed`, `progress_failed`,
 * `progress_interrupted` or `progress_suspended` (the client must answer a question, and call again);
 * `progress_step_failed` names the step that failed, and the call may go on after it.
 */
export type ProgressEventType =
  | "progress_started"
  | "progress_update"
  | "progress_step_failed"
  | "progress_completed"
  | "progress_failed"
  | "progress_interrupted"
  | "progress_suspended"

/** A type and no interface, so that it is JSON for the compiler too. */
export type ProgressDetails = {
  /** The part of the work that this event is about: the whole call, one of its steps, or a child of those. */
  readonly progress_id: string
  /** The part that it belongs to; null for the whole call. */
  readonly parent_id: string | null
  readonly message?: string
  /** What the handler said in its own unit, and how much of that there is. */
  readonly progress?: number
  readonly total?: number
  /** The name of the error that a step failed with. */
  readonly error?: string
} & {
  /** What else the handler said. In a type of its own: beside it, optional keys need `exactOptionalPropertyTypes`. */
  readonly [key: string]: Schema.Json
}

export type ProgressEvent = {
  readonly event_type: ProgressEventType
  /** The name of what was called. */
  readonly tool: string
  readonly request_id: string
  /** What is being done; null while the handler named nothing. */
  readonly step: string | null
  /** Of the whole call, whichever part the event is about: 0 to 100, never less than before; null while unknown. */
  readonly progress_percent: number | null
  /** Milliseconds that the rest will take at the rate observed lately; null while unknown. */
  readonly eta_ms: number | null
  /** Milliseconds since the call first said something. */
  readonly elapsed_ms: number
  readonly details: ProgressDetails
  readonly correlation_id: string
}
