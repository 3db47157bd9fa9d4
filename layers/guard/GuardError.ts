/** Why Guard rejected or ended a call. Durations are in milliseconds. */
import { Schema } from "effect"
import type { JournalUnavailable } from "../ledger/Journal.ts"
import type { OverBudget } from "../ledger/Spend.ts"
import type { LimitReached } from "./fixedWindows.ts"

const seconds = (millis: number) => `${Math.ceil(millis / 1000)} s`

/** Keys come from callers: what could forge a line or hide in one is not shown, nor is more than fits in one. */
const shown = (key: string) => key.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").slice(0, 100)

/** The principal lacks scopes that it could ask for. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", {
  name: Schema.String,
  scopes: Schema.Array(Schema.String)
}) {
  override get message() {
    return `${this.name} needs the scope${this.scopes.length > 1 ? "s" : ""} ${this.scopes.join(", ")}`
  }
}

/** A limit is used up. Times are in milliseconds. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  /** The limit's name. */
  limit: Schema.String,
  key: Schema.String,
  max: Schema.Finite,
  window: Schema.Finite,
  remaining: Schema.Finite,
  /** Not earlier; then the whole limit is there again. */
  retryAfter: Schema.Finite
}) {
  override get message() {
    return (
      `the limit "${this.limit}" for ${this.key} is used up: ${this.remaining} of ${this.max} calls in ` +
      `${seconds(this.window)} are left; try again in ${seconds(this.retryAfter)}`
    )
  }
}

/** The count that all instances share cannot be reached, and this call must not begin without it. */
export class LimiterUnavailable extends Schema.TaggedError<LimiterUnavailable>()("LimiterUnavailable", {
  /** When it is worth trying again, in milliseconds. */
  retryAfter: Schema.Finite
}) {
  override get message() {
    return `the rate limit's store cannot be reached: try again in ${seconds(this.retryAfter)}`
  }
}

/** The error that tells of a refusal. */
export const rateLimited = ({ limit, retryAfter }: LimitReached) =>
  new RateLimited({
    limit: limit.name,
    key: shown(limit.whose ?? limit.key),
    max: limit.max,
    window: limit.window,
    remaining: 0,
    retryAfter
  })

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
export type GuardRejection =
  Forbidden | RateLimited | LimiterUnavailable | Busy | OverBudget | JournalUnavailable | CircuitOpen

const tags: ReadonlySet<string> = new Set<GuardRejection["_tag"]>([
  "Forbidden",
  "RateLimited",
  "LimiterUnavailable",
  "Busy",
  "OverBudget",
  "JournalUnavailable",
  "CircuitOpen"
])

export const isGuardRejection = (error: unknown): error is GuardRejection =>
  error instanceof Error && "_tag" in error && tags.has(String(error._tag))
