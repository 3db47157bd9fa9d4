/** The limits of one entry: its own policy, overridden by the operator's configuration. */
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
  /** Of the dependency, or of the entry where `dependency` is undefined. */
  readonly slots:
    | {
        readonly dependency: string | undefined
        readonly options: SlotsOptions
        /** What one principal may take of them; absent: all. */
        readonly share: SlotsOptions | undefined
      }
    | undefined
  /** The key of the circuit breaker; absent: the entry has none. */
  readonly circuit: string | undefined
}

const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

/** What is said of the tool itself, else of the longest beginning of its name. */
const saidOf = (tools: Limits["tools"], name: string): ToolLimits => {
  const own = Object.hasOwn(tools, name) ? tools[name] : undefined
  if (own !== undefined) return own
  const [best] = Object.entries(tools)
    .filter(([pattern]) => pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1)))
    .toSorted(([a], [b]) => b.length - a.length)
  return best?.[1] ?? {}
}

const cacheOf = (own: CachePolicy | undefined, ttl: Duration.Duration | undefined): EntryLimits["reuse"] => {
  const time = ttl === undefined ? own && millis(own.ttl) : millis(ttl)
  // What a tool does not say of its results is taken to be for the one who asked.
  return time === undefined || time === 0 ? undefined : { ttl: time, among: own?.among ?? "principal" }
}

export const rateLimit = (
  name: string,
  key: string,
  { calls, window }: { readonly calls: number; readonly window: Duration.Duration },
  whose = key
): Limit => ({ name, key: `${name}:${key}`, whose, max: calls, window: millis(window) })

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

/** An operator's limit is one of the tool alone; the policy's is shared by all entries of its dependency. */
const entrySlots = (
  { concurrency: all }: Limits,
  { concurrency, dependency }: Policy,
  said: number | undefined
): EntryLimits["slots"] => {
  if (said !== undefined) return { dependency: undefined, ...withShare("tool", said, all) }
  if (concurrency === undefined) return undefined
  return { dependency, ...withShare(dependency === undefined ? "tool" : "dependency", concurrency, all) }
}

/** `tool` is a tool's name, and absent for other kinds: section `limits.tools` applies to tools only. */
export const entryLimitsOf = (limits: Limits, policy: Policy, tool?: string): EntryLimits => {
  const said = tool === undefined ? {} : saidOf(limits.tools, tool)
  const limit = millis(said.time_limit ?? policy.timeLimit)
  return {
    timeLimit: { limit, maxDuration: Math.max(limit, millis(limits.max_duration)) },
    retry: said.retry ?? policy.retry,
    reuse: cacheOf(policy.cache, said.cache_ttl),
    rate: tool !== undefined && said.rate ? rateLimit("tool", tool, said.rate) : undefined,
    slots: entrySlots(limits, policy, said.concurrency),
    circuit: policy.dependency ?? tool
  }
}
