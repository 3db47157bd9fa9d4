/** How many calls may begin: limits per principal, tool, address or in total, all of which a call must pass. */
import { Context, Effect, Layer, Schema } from "effect"
import * as windows from "./windows.ts"

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

/** What to do while the shared count cannot be reached: count in this process alone, or let nothing begin. */
export type OnOutage = "local" | "refuse"

/** The error that tells of a refusal. */
export const rateLimited = ({ limit, retryAfter }: windows.Refusal) =>
  new RateLimited({
    limit: limit.name,
    key: shown(limit.key),
    max: limit.max,
    window: limit.window,
    remaining: 0,
    retryAfter
  })

/** Counts in this process. Synchronous, as every call comes through here. */
export const local = (maxKeys: number) => {
  const counted = windows.make(maxKeys)
  return (limits: ReadonlyArray<windows.Limit>): Effect.Effect<number, RateLimited> =>
    Effect.clockWith((clock) => {
      const taken = counted.take(limits, clock.currentTimeMillisUnsafe())
      return typeof taken === "number" ? Effect.succeed(taken) : Effect.fail(rateLimited(taken))
    })
}

/** About 8 MB. Beyond it, the windows that have counted least are forgotten. */
const maxKeys = 50_000

export class RateLimit extends Context.Service<
  RateLimit,
  {
    /**
     * Counts one call under each of the limits and returns the fewest calls left. A call that is refused is counted
     * under none of them. Limits are asked in order, the narrowest should come first; their keys differ.
     */
    readonly take: (
      limits: ReadonlyArray<windows.Limit>,
      onOutage: OnOutage
    ) => Effect.Effect<number, RateLimited | LimiterUnavailable>
  }
>()("manifold/guard/RateLimit") {
  /** Counts in this process. */
  static readonly layerMemory = Layer.sync(RateLimit, () => RateLimit.of({ take: local(maxKeys) }))
}
