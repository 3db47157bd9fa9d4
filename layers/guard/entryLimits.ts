/** Limits of one entry: its policy, overridden by the operator's configuration. */
import { Duration } from "effect"
import type { Policy, Retry, CachePolicy } from "../../src/domain/Policy.ts"
import type { Limits, ToolLimits } from "./section.ts"
import type { SlotsOptions } from "./Slots.ts"
import type { Limit } from "./fixedWindows.ts"

/** Durations are in milliseconds. */
export interface EntryLimits {
  readonly timeLimit: { readonly limit: number; readonly maxDuration: number }
  readonly retry: Retry
  readonly reuse: { readonly ttl: number; readonly among: CachePolicy["among"] } | undefined
  readonly rate: Limit | undefined
  /** Slots of the dependency; of the entry if `dependency` is undefined. */
  readonly slots:
    | {
        readonly dependency: string | undefined
        readonly options: SlotsOptions
        /** Slots that one principal may hold; absent: all. */
        readonly share: SlotsOptions | undefined
      }
    | undefined
  /** The key of the circuit breaker; absent: the entry has none. */
  readonly circuit: string | undefined
}

const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

/** The tool's own entry in `limits.tools`, else the entry with the longest matching prefix. */
const overridesOf = (tools: Limits["tools"], name: string): ToolLimits => {
  const own = Object.hasOwn(tools, name) ? tools[name] : undefined
  if (own !== undefined) return own
  const [match] = Object.entries(tools)
    .filter(([pattern]) => pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1)))
    .toSorted(([a], [b]) => b.length - a.length)
  return match?.[1] ?? {}
}

const cacheOf = (own: CachePolicy | undefined, ttl: Duration.Duration | undefined): EntryLimits["reuse"] => {
  const time = ttl === undefined ? own && millis(own.ttl) : millis(ttl)
  // Without a policy of the tool, results are private to the principal.
  return time === undefined || time === 0 ? undefined : { ttl: time, among: own?.among ?? "principal" }
}

export const rateLimit = (
  name: string,
  key: string,
  { calls, window }: { readonly calls: number; readonly window: Duration.Duration },
  subject = key
): Limit => ({ name, key: `${name}:${key}`, subject, max: calls, window: millis(window) })

export const slotsOf = (
  limit: string,
  max: number,
  { queue, queue_timeout }: Limits["concurrency"]
): SlotsOptions => ({ limit, max, queue, queueTimeout: millis(queue_timeout) })

const withShare = (limit: string, max: number, all: Limits["concurrency"]) => {
  const most = Math.max(1, Math.floor(max * all.share))
  return {
    options: slotsOf(limit, max, all),
    share: most < max ? slotsOf(`${limit} share`, most, all) : undefined
  }
}

/** The operator's limit applies to the tool alone; the policy's is shared by all entries of its dependency. */
const entrySlots = (
  { concurrency: all }: Limits,
  { concurrency, dependency }: Policy,
  override: number | undefined
): EntryLimits["slots"] => {
  if (override !== undefined) return { dependency: undefined, ...withShare("tool", override, all) }
  if (concurrency === undefined) return undefined
  return { dependency, ...withShare(dependency === undefined ? "tool" : "dependency", concurrency, all) }
}

/** `tool`: the name of a tool; absent for other kinds, because `limits.tools` applies to tools only. */
export const entryLimitsOf = (limits: Limits, policy: Policy, tool?: string): EntryLimits => {
  const overrides = tool === undefined ? {} : overridesOf(limits.tools, tool)
  const limit = millis(overrides.time_limit ?? policy.timeLimit)
  return {
    timeLimit: { limit, maxDuration: Math.max(limit, millis(limits.max_duration)) },
    retry: overrides.retry ?? policy.retry,
    reuse: cacheOf(policy.cache, overrides.cache_ttl),
    rate: tool !== undefined && overrides.rate ? rateLimit("tool", tool, overrides.rate) : undefined,
    slots: entrySlots(limits, policy, overrides.concurrency),
    circuit: policy.breaker === false ? undefined : (policy.dependency ?? tool)
  }
}
