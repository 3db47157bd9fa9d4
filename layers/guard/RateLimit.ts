/** Rate limits per principal, tool, address and in total, all of which a call must pass. */
import { Context, Effect, Layer, Option } from "effect"
import { SharedRedis } from "../storage/SharedRedis.ts"
import { rateLimited, type LimiterUnavailable, type RateLimited } from "./GuardError.ts"
import * as windows from "./fixedWindows.ts"

/** Counts in this process. Synchronous: every call comes through here. */
const local = (maxKeys: number) => {
  const counted = windows.make(maxKeys)
  return (limits: ReadonlyArray<windows.Limit>): Effect.Effect<number, RateLimited> =>
    Effect.clockWith((clock) => {
      const taken = counted.take(limits, clock.currentTimeMillisUnsafe())
      return typeof taken === "number" ? Effect.succeed(taken) : Effect.fail(rateLimited(taken))
    })
}

/** About 8 MB. Beyond it, the windows that have counted least are forgotten. */
const maxKeys = 50_000

export class RateLimit extends Context.Service<
  RateLimit,
  {
    /**
     * Counts one call under each of the limits and returns the fewest calls left. A call that is refused is counted
     * under none of them. Limits are asked in order, the narrowest should come first; their keys differ.
     *
     * `onOutage` says what happens while the Redis that instances share is away: this one counts on its own, or lets
     * nothing begin (`LimiterUnavailable`).
     */
    readonly take: (
      limits: ReadonlyArray<windows.Limit>,
      onOutage: "local" | "refuse"
    ) => Effect.Effect<number, RateLimited | LimiterUnavailable>
  }
>()("manifold/guard/RateLimit") {
  /** Counts in the Redis that instances share, if there is one. */
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
