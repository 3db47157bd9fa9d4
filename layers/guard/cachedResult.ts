/** Returns the cached result of a call, or runs it and caches its success. */
import { type Clock, Effect, Exit } from "effect"
import type { Call } from "../ledger/Calls.ts"
import type { EntryLimits } from "./entryLimits.ts"
import { canonical, type ToolCache } from "./ToolCache.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** Calls `hit` if the result comes from the cache. Calls with arguments that are too large to compare are not cached. */
export const cachedResult = <A, E, R>(
  cache: ToolCache,
  { name, principal }: Call,
  args: unknown,
  { among, ttl }: NonNullable<EntryLimits["reuse"]>,
  clock: Clock.Clock,
  self: Effect.Effect<A, E, R>,
  hit: () => void
): Effect.Effect<A, E, R> => {
  const canonicalArgs = canonical(args)
  if (canonicalArgs === undefined) return self
  const scope = { everybody: undefined, principal: principal.key, scopes: principal.scopes.toSorted() }
  const key = JSON.stringify([name, scope[among] ?? null, canonicalArgs])
  const cached = cache.get(key, monotonicMillis(clock))
  if (cached !== undefined) {
    hit()
    // The key contains the tool's name.
    return Effect.succeed(cached.value as A)
  }
  const { epoch } = cache
  return Effect.onExitPrimitive(self, (exit) => {
    if (Exit.isSuccess(exit) && cache.epoch === epoch) {
      cache.put(key, name, exit.value, monotonicMillis(clock) + ttl, principal.key)
    }
    return undefined
  })
}
