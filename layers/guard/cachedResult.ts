/** Answers a call from the cache, or runs it and caches a success. */
import { type Clock, Effect, Exit } from "effect"
import type { Call } from "../ledger/Calls.ts"
import type { EntryLimits } from "./entryLimits.ts"
import { canonical, type ToolCache } from "./ToolCache.ts"

/** `hit` is called if the result comes from the cache. Arguments that are too large to compare are not cached. */
export const cachedResult = <A, E, R>(
  cache: ToolCache,
  { name, principal }: Call,
  args: unknown,
  { among, ttl }: NonNullable<EntryLimits["reuse"]>,
  clock: Clock.Clock,
  self: Effect.Effect<A, E, R>,
  hit: () => void
): Effect.Effect<A, E, R> => {
  const asked = canonical(args)
  if (asked === undefined) return self
  const whose = { everybody: undefined, principal: principal.key, scopes: principal.scopes.toSorted() }
  const key = JSON.stringify([name, whose[among] ?? null, asked])
  const cached = cache.get(key, clock.currentTimeMillisUnsafe())
  if (cached !== undefined) {
    hit()
    // Only results of this tool are under its key.
    return Effect.succeed(cached.value as A)
  }
  const { epoch } = cache
  return Effect.onExitPrimitive(self, (exit) => {
    if (Exit.isSuccess(exit) && cache.epoch === epoch) {
      cache.put(key, name, exit.value, clock.currentTimeMillisUnsafe() + ttl, principal.key)
    }
    return undefined
  })
}
