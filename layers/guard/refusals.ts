/** Why Guard rejected or ended a call. Durations are in milliseconds. */
import { Schema } from "effect"
import type { JournalUnavailable } from "../ledger/Journal.ts"
import type { OverBudget } from "../ledger/Spend.ts"
import type { LimiterUnavailable, RateLimited } from "./RateLimited.ts"

const seconds = (millis: number) => `${Math.ceil(millis / 1000)} s`

/** The principal lacks scopes that it could ask for. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", {
  name: Schema.String,
  scopes: Schema.Array(Schema.String)
}) {
  override get message() {
    return `${this.name} needs the scope${this.scopes.length > 1 ? "s" : ""} ${this.scopes.join(", ")}`
  }
}

/** The concurrency limit is reached, and the queue is full or the call was queued for too long. */
export class Busy extends Schema.TaggedError<Busy>()("Busy", {
  /** `tool`, `dependency`, `principal` or `total`. */
  limit: Schema.String,
  name: Schema.String,
  /** How many may run at once. */
  max: Schema.Finite,
  waiting: Schema.Finite,
  retryAfter: Schema.Finite
}) {
  override get message() {
    return (
      `${this.name} is busy: ${this.max} calls may run at once (limit "${this.limit}") and ${this.waiting} wait; ` +
      `try again in ${seconds(this.retryAfter)}`
    )
  }
}

/** The circuit breaker of the entry, or of its dependency, is open after repeated failures. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  name: Schema.String,
  retryAfter: Schema.Finite
}) {
  override get message() {
    return `${this.name} failed repeatedly and its circuit breaker is open; try again in ${seconds(this.retryAfter)}`
  }
}

/** The call took longer than it may. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", {
  name: Schema.String,
  limit: Schema.Finite
}) {
  override get message() {
    return `${this.name} took longer than ${this.limit < 1000 ? `${this.limit} ms` : seconds(this.limit)} and was ended`
  }
}

/** Errors of calls that Guard rejected. */
export type Refused =
  Forbidden | RateLimited | LimiterUnavailable | Busy | OverBudget | JournalUnavailable | CircuitOpen

const tags: ReadonlySet<string> = new Set<Refused["_tag"]>([
  "Forbidden",
  "RateLimited",
  "LimiterUnavailable",
  "Busy",
  "OverBudget",
  "JournalUnavailable",
  "CircuitOpen"
])

export const isRefused = (error: unknown): error is Refused =>
  error instanceof Error && "_tag" in error && tags.has(String(error._tag))
