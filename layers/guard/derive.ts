/** The state of Guard that is derived from the section `limits`, and replaced when it is reloaded. */
import { Duration } from "effect"
import type { Policy } from "../../src/domain/Policy.ts"
import type { BreakerSettings } from "./Breaker.ts"
import type { RetrySettings } from "./retry.ts"
import { rateLimit, slotsOf, type Rules } from "./rules.ts"
import type { Limits } from "./section.ts"
import { ToolCache } from "./ToolCache.ts"
import type { Limit } from "./windows.ts"

const millis = Duration.toMillis

/** Durations are in milliseconds. */
export const derive = (limits: Limits) => ({
  limits,
  /** Of tools, by name. */
  rules: new Map<string, { readonly policy: Policy; readonly rules: Rules }>(),
  /** Of entries that are not tools. */
  otherRules: new WeakMap<Policy, Rules>(),
  /** The rate limits of a principal by its key, the narrowest first. */
  rates: new Map<string, ReadonlyArray<Limit>>(),
  totalRate: rateLimit("total", "", limits.total, "everybody"),
  principalSlots: slotsOf("principal", limits.concurrency.principal, limits.concurrency),
  totalSlots: slotsOf("total", limits.concurrency.total, limits.concurrency),
  patience: millis(limits.concurrency.patience),
  retry: {
    attempts: limits.retry.attempts,
    firstDelay: millis(limits.retry.first_delay),
    longestDelay: millis(limits.retry.longest_delay)
  } satisfies RetrySettings,
  breaker: {
    failures: limits.breaker.failures,
    open: millis(limits.breaker.open)
  } satisfies BreakerSettings,
  cache: new ToolCache({ maxEntries: limits.cache.max_entries, maxSize: limits.cache.max_size })
})
