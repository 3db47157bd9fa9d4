/** What holds for one entry: its own policy, under what the operator says of it. */
import { Duration } from "effect"
import type { Policy, Retry, Reuse } from "../../src/domain/Policy.ts"
import type { Limits, ToolLimits } from "./section.ts"
import type { SlotsOptions } from "./Slots.ts"
import type { Limit } from "./windows.ts"

/** Durations are in milliseconds. */
export interface Rules {
  readonly timeLimit: { readonly limit: number; readonly longest: number }
  readonly retry: Retry
  readonly reuse: { readonly ttl: number; readonly among: Reuse["among"] } | undefined
  readonly rate: Limit | undefined
  readonly slots: SlotsOptions | undefined
  readonly cost: number
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

const reuseOf = (own: Reuse | undefined, ttl: Duration.Duration | undefined): Rules["reuse"] => {
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
  { patience, queue }: Limits["concurrency"]
): SlotsOptions => ({ limit, max, queue, patience: millis(patience) })

/** `tool` is a tool's name, and absent for what is no tool: nothing in `limits.tools` is about that. */
export const rulesOf = (limits: Limits, policy: Policy, tool?: string): Rules => {
  const said = tool === undefined ? {} : saidOf(limits.tools, tool)
  const concurrency = said.concurrency ?? policy.concurrency
  const limit = millis(said.time_limit ?? policy.timeLimit)
  return {
    timeLimit: { limit, longest: Math.max(limit, millis(limits.longest)) },
    retry: said.retry ?? policy.retry,
    reuse: reuseOf(policy.cache, said.cache_ttl),
    rate: tool !== undefined && said.rate ? rateLimit("tool", tool, said.rate) : undefined,
    slots: concurrency === undefined ? undefined : slotsOf("tool", concurrency, limits.concurrency),
    cost: policy.cost
  }
}
