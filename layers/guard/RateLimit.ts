/** Rate limits in fixed windows: per principal, tool, address and in total. A call must pass all of them. */
import { Context, Effect, Layer, Option } from "effect"
import { SharedRedis } from "../storage/SharedRedis.ts"
import { rateLimited, type LimiterUnavailable, type RateLimited } from "./GuardError.ts"
import * as fixedWindows from "./fixedWindows.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** Counts in this process. Synchronous, because every call passes through it. */
const local = (maxKeys: number) => {
  const counted = fixedWindows.make(maxKeys)
  return (limits: ReadonlyArray<fixedWindows.Limit>): Effect.Effect<number, RateLimited> =>
    Effect.clockWith((clock) => {
      const taken = counted.take(limits, monotonicMillis(clock))
      return typeof taken === "number" ? Effect.succeed(taken) : Effect.fail(rateLimited(taken))
    })
}

/** About 8 MB. Beyond it, windows that end first are evicted. */
const maxKeys = 50_000

export class RateLimit extends Context.Service<
  RateLimit,
  {
    /**
     * Counts one call under each limit and returns the lowest number of calls left. A rejected call is counted under no
     * limit. Limits are checked in order: the narrowest should come first. Their keys must differ.
     *
     * `onOutage`: while the shared Redis is unreachable, count in this process (`local`), or fail with
     * `LimiterUnavailable` (`refuse`).
     */
    readonly take: (
      limits: ReadonlyArray<fixedWindows.Limit>,
      onOutage: "local" | "refuse"
    ) => Effect.Effect<number, RateLimited | LimiterUnavailable>
  }
>()("manifold/guard/RateLimit") {
  /** Counts in the shared Redis, if there is one. */
  static readonly layerNoDeps = Layer.effect(
    RateLimit,
    Effect.gen(function* () {
      const shared = yield* SharedRedis
      const take = local(maxKeys)
      if (Option.isNone(shared)) return RateLimit.of({ take })
      const { make } = yield* Effect.promise(() => import("./redisFixedWindows.ts"))
      return RateLimit.of({ take: yield* make(shared.value, take) })
    })
  )

  static readonly layer = RateLimit.layerNoDeps.pipe(Layer.provide(SharedRedis.layer))

  /** Counts in this process. */
  static readonly layerMemory = Layer.sync(RateLimit, () => RateLimit.of({ take: local(maxKeys) }))
}
