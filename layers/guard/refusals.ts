/** Why Guard did not let a call begin, or did not let it go on. Durations are in milliseconds. */
import { Schema } from "effect"
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

/** As many calls run as may at once, and no more can wait, or this one waited long enough. */
export class Busy extends Schema.TaggedError<Busy>()("Busy", {
  /** `tool`, `principal` or `total`. */
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

/** What the entry depends on failed so often that it is left alone for a while. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  name: Schema.String,
  retryAfter: Schema.Finite
}) {
  override get message() {
    return `${this.name} failed repeatedly and is left alone for a while; try again in ${seconds(this.retryAfter)}`
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

/** The call would cost more than is left. */
export class OverBudget extends Schema.TaggedError<OverBudget>()("OverBudget", {
  name: Schema.String,
  limit: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** Errors of calls that did not begin. */
export type Refused = Forbidden | RateLimited | LimiterUnavailable | Busy | CircuitOpen | OverBudget

const tags: ReadonlySet<string> = new Set<Refused["_tag"]>([
  "Forbidden",
  "RateLimited",
  "LimiterUnavailable",
  "Busy",
  "CircuitOpen",
  "OverBudget"
])

export const isRefused = (error: unknown): error is Refused =>
  error instanceof Error && "_tag" in error && tags.has(String(error._tag))
