/** The state of Guard that is derived from the section `limits`, and replaced when it is reloaded. */
import { Duration } from "effect"
import type { Policy } from "../../src/domain/Policy.ts"
import type { Principal } from "../../src/domain/Principal.ts"
import type { Call } from "../ledger/Calls.ts"
import type { BreakerSettings } from "./circuitBreaker.ts"
import type { RetrySettings } from "./retry.ts"
import { rateLimit, entryLimitsOf, slotsOf, type EntryLimits } from "./entryLimits.ts"
import type { Limits } from "./section.ts"
import { ToolCache } from "./ToolCache.ts"
import type { Limit } from "./fixedWindows.ts"

const millis = Duration.toMillis

/** The most principals, and entries, that are remembered. */
export const maxTracked = 1000

/** Durations are in milliseconds. */
export const compileLimits = (limits: Limits) => {
  /** Of tools, by name. */
  const toolLimits = new Map<string, { readonly policy: Policy; readonly rules: EntryLimits }>()
  /** Of entries that are not tools. */
  const otherLimits = new WeakMap<Policy, EntryLimits>()
  /** By a principal's key. */
  const rates = new Map<string, ReadonlyArray<Limit>>()
  const totalRate = rateLimit("total", "", limits.total, "everybody")

  const limitsFor = ({ kind, name }: Call, policy: Policy): EntryLimits => {
    if (kind !== "tool") {
      let rules = otherLimits.get(policy)
      if (rules === undefined) otherLimits.set(policy, (rules = entryLimitsOf(limits, policy)))
      return rules
    }
    const known = toolLimits.get(name)
    if (known !== undefined && known.policy === policy) return known.rules
    const rules = entryLimitsOf(limits, policy, name)
    if (toolLimits.size >= maxTracked) toolLimits.clear()
    toolLimits.set(name, { policy, rules })
    return rules
  }

  /** The rate limits of a call, the narrowest first. */
  const ratesFor = (principal: Principal, tool: Limit | undefined): ReadonlyArray<Limit> => {
    const { key } = principal
    let known = rates.get(key)
    if (known === undefined) {
      const own =
        principal.source === "anonymous-loopback"
          ? rateLimit("address", principal.clientId, limits.address)
          : rateLimit("principal", key, limits.principal, principal.subject)
      if (rates.size >= maxTracked) rates.clear()
      rates.set(key, (known = [own, totalRate]))
    }
    return tool === undefined ? known : [tool, ...known]
  }

  return {
    limits,
    limitsFor,
    ratesFor,
    principalSlots: slotsOf("principal", limits.concurrency.principal, limits.concurrency),
    totalSlots: slotsOf("total", limits.concurrency.total, limits.concurrency),
    queueTimeout: millis(limits.concurrency.queue_timeout),
    retry: {
      attempts: limits.retry.attempts,
      firstDelay: millis(limits.retry.first_delay),
      maxDelay: millis(limits.retry.max_delay)
    } satisfies RetrySettings,
    breaker: {
      failures: limits.breaker.failures,
      principals: limits.breaker.principals,
      openDuration: millis(limits.breaker.open_duration)
    } satisfies BreakerSettings,
    cache: new ToolCache({
      maxEntries: limits.cache.max_entries,
      maxSize: limits.cache.max_size,
      maxSizePerOwner: Math.floor(limits.cache.max_size * limits.cache.share)
    })
  }
}
