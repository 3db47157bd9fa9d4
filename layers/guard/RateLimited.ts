/** Why the rate limit did not let a call begin. */
import { Schema } from "effect"
import type { Refusal } from "./windows.ts"

/** Keys come from callers: what could forge a line or hide in one is not shown, nor is more than fits in one. */
const shown = (key: string) => key.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").slice(0, 100)

const seconds = (millis: number) => `${Math.ceil(millis / 1000)} s`

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
export const rateLimited = ({ limit, retryAfter }: Refusal) =>
  new RateLimited({
    limit: limit.name,
    key: shown(limit.whose ?? limit.key),
    max: limit.max,
    window: limit.window,
    remaining: 0,
    retryAfter
  })
