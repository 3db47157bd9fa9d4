/** Compiles the section `limits`: values computed once per load or reload. */
import { Duration } from "effect"
import type { Policy } from "../../src/domain/Policy.ts"
import type { Principal } from "../../src/domain/Principal.ts"
import type { Call } from "../ledger/Calls.ts"
import type { BreakerSettings } from "./circuitBreaker.ts"
import type { RetrySettings } from "./retry.ts"
import { rateLimit, entryLimitsOf, slotsOf, type EntryLimits } from "./entryLimits.ts"
import type { Limits } from "./section.ts"
import type { SlotsOptions } from "./Slots.ts"
import { ToolCache } from "./ToolCache.ts"
import type { Limit } from "./fixedWindows.ts"

const millis = Duration.toMillis

/** Principals whose limits are remembered. */
export const maxTracked = 1000

/** Durations are in milliseconds. */
export const compileLimits = (limits: Limits) => {
  /** By policy and tool name: they leave with the policies, such as those of a connection that ends. */
  const toolLimits = new WeakMap<Policy, Map<string, EntryLimits>>()
  /** By policy, for entries other than tools. */
  const otherLimits = new WeakMap<Policy, EntryLimits>()
  /** By a principal's key; a token of the same principal may have other limits. */
  const rates = new Map<
    string,
    { readonly calls: number | undefined; readonly limits: ReadonlyArray<Limit> }
  >()
  const minute = Duration.minutes(1)
  const totalRate = rateLimit("total", "", limits.total, "all principals")

  const limitsFor = ({ kind, name }: Call, policy: Policy): EntryLimits => {
    if (kind !== "tool") {
      let entryLimits = otherLimits.get(policy)
      if (entryLimits === undefined) otherLimits.set(policy, (entryLimits = entryLimitsOf(limits, policy)))
      return entryLimits
    }
    let byName = toolLimits.get(policy)
    if (byName === undefined) toolLimits.set(policy, (byName = new Map()))
    let entryLimits = byName.get(name)
    if (entryLimits === undefined) byName.set(name, (entryLimits = entryLimitsOf(limits, policy, name)))
    return entryLimits
  }

  /** The rate limits of a call, the narrowest first. That of a token applies also while the others are disabled. */
  const ratesFor = (principal: Principal, tool: Limit | undefined): ReadonlyArray<Limit> => {
    const { key } = principal
    const calls = principal.limits?.calls_per_minute
    let known = rates.get(key)
    if (known === undefined || known.calls !== calls) {
      const rate = calls === undefined ? limits.principal : { calls, window: minute }
      const own =
        principal.source === "anonymous-loopback"
          ? rateLimit("address", principal.clientId, limits.address)
          : rateLimit("principal", key, rate, principal.subject)
      if (rates.size >= maxTracked) rates.clear()
      const enforced = limits.enabled ? [own, totalRate] : calls === undefined ? [] : [own]
      rates.set(key, (known = { calls, limits: enforced }))
    }
    return tool === undefined || !limits.enabled ? known.limits : [tool, ...known.limits]
  }

  /** One object per limit, because a new one counts as a change. */
  const principalSlots = new Map<number, SlotsOptions>()
  const slotsFor = ({ limits: own }: Principal): SlotsOptions => {
    const max = own?.concurrency ?? limits.concurrency.principal
    let known = principalSlots.get(max)
    if (known === undefined) {
      if (principalSlots.size >= maxTracked) principalSlots.clear()
      principalSlots.set(max, (known = slotsOf("principal", max, limits.concurrency)))
    }
    return known
  }

  return {
    limits,
    limitsFor,
    ratesFor,
    slotsFor,
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
