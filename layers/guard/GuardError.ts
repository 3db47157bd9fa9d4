/** Errors of calls that Guard rejected or ended. Durations are in milliseconds. */
import { Schema } from "effect"
import type { JournalUnavailable } from "../ledger/Journal.ts"
import type { OverBudget } from "../ledger/Spend.ts"
import type { LimitReached } from "./fixedWindows.ts"

const seconds = (millis: number) => `${Math.ceil(millis / 1000)} s`

const calls = (count: number) => (count === 1 ? "1 call" : `${count} calls`)

/** Keys come from callers: control characters could forge a log line, so they are replaced, and long keys are cut. */
const printable = (key: string) => key.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").slice(0, 100)

/** The principal lacks scopes that it could obtain. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", {
  name: Schema.String,
  scopes: Schema.Array(Schema.String)
}) {
  override get message() {
    const [noun, pronoun] = this.scopes.length > 1 ? ["scopes", "them"] : ["scope", "it"]
    return `${this.name} requires the ${noun} ${this.scopes.join(", ")}. Use a credential that grants ${pronoun}.`
  }
}

/** A rate limit is reached. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  /** The limit's name. */
  limit: Schema.String,
  key: Schema.String,
  max: Schema.Finite,
  window: Schema.Finite,
  remaining: Schema.Finite,
  /** Until the window ends. */
  retryAfter: Schema.Finite
}) {
  override get message() {
    return (
      `Rate limit reached for ${this.key}: ${calls(this.max)} per ${seconds(this.window)} (limit "${this.limit}"). ` +
      `Retry in ${seconds(this.retryAfter)}.`
    )
  }
}

/** The store that instances share for rate limits is unreachable, and the call may write. */
export class LimiterUnavailable extends Schema.TaggedError<LimiterUnavailable>()("LimiterUnavailable", {
  retryAfter: Schema.Finite
}) {
  override get message() {
    return `The shared store of the rate limits is unreachable. Retry in ${seconds(this.retryAfter)}.`
  }
}

export const rateLimited = ({ limit, retryAfter }: LimitReached) =>
  new RateLimited({
    limit: limit.name,
    key: printable(limit.subject ?? limit.key),
    max: limit.max,
    window: limit.window,
    remaining: 0,
    retryAfter
  })

/** A concurrency limit is reached, and the queue is full or the queue time-out has passed. */
export class Busy extends Schema.TaggedError<Busy>()("Busy", {
  /** `tool`, `dependency`, `principal` or `total`. */
  limit: Schema.String,
  name: Schema.String,
  /** The concurrency limit. */
  max: Schema.Finite,
  /** Queued calls. */
  waiting: Schema.Finite,
  retryAfter: Schema.Finite
}) {
  override get message() {
    return (
      `${this.name} is busy: ${calls(this.max)} running (limit "${this.limit}"), ${this.waiting} queued. ` +
      `Retry in ${seconds(this.retryAfter)}.`
    )
  }
}

/** The circuit breaker of the entry, or of its dependency, is open after repeated failures. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  name: Schema.String,
  retryAfter: Schema.Finite
}) {
  override get message() {
    return (
      `${this.name} is temporarily unavailable after repeated failures (circuit breaker open). ` +
      `Retry in ${seconds(this.retryAfter)}.`
    )
  }
}

/** The call exceeded its time limit, or its maximum duration. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", {
  name: Schema.String,
  limit: Schema.Finite
}) {
  override get message() {
    const limit = this.limit < 1000 ? `${this.limit} ms` : seconds(this.limit)
    return `${this.name} exceeded its time limit of ${limit} and was interrupted.`
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
