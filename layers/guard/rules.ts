/** What holds for one entry: its own policy, under what the operator says of it. */
import { Duration } from "effect"
import type { Policy, Reuse } from "../../src/domain/Policy.ts"
import type { Limits, ToolLimits } from "./section.ts"
import { Slots } from "./Slots.ts"
import type { Limit } from "./windows.ts"

/** Durations are in milliseconds. */
export interface Rules {
  readonly timeLimit: { readonly limit: number; readonly longest: number }
  /** Whether a failed call may be repeated. */
  readonly repeat: boolean
  readonly reuse: { readonly ttl: number; readonly among: Reuse["among"] } | undefined
  readonly rate: Limit | undefined
  readonly slots: Slots | undefined
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
  { calls, window }: { readonly calls: number; readonly window: Duration.Duration }
): Limit => ({ name, key: `${name}:${key}`, max: calls, window: millis(window) })

export const slotsOf = (limit: string, max: number, { patience, queue }: Limits["concurrency"]): Slots =>
  new Slots({ limit, max, queue, patience: millis(patience) })

/** `idempotent`: whether the entry says that doing it twice is like doing it once. */
export const rulesOf = (limits: Limits, name: string, policy: Policy, idempotent: boolean): Rules => {
  const said = saidOf(limits.tools, name)
  const retry = said.retry ?? policy.retry
  const concurrency = said.concurrency ?? policy.concurrency
  const limit = millis(said.time_limit ?? policy.timeLimit)
  return {
    timeLimit: { limit, longest: Math.max(limit, millis(limits.longest)) },
    repeat: retry === "always" || (retry === "idempotent" && idempotent),
    reuse: reuseOf(policy.cache, said.cache_ttl),
    rate: said.rate && rateLimit("tool", name, said.rate),
    slots: concurrency === undefined ? undefined : slotsOf("tool", concurrency, limits.concurrency),
    cost: policy.cost
  }
}
