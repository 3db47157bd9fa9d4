/** Rate limits in fixed windows: per principal, tool, address and in total. A call must pass all of them. */
import { Context, Effect, Layer, Option } from "effect"
import { type Slot, WorkerSlot } from "../platform/WorkerSlot.ts"
import { SharedRedis } from "../storage/SharedRedis.ts"
import { rateLimited, type LimiterUnavailable, type RateLimited } from "./GuardError.ts"
import * as fixedWindows from "./fixedWindows.ts"
import { millisSinceBoot, monotonicMillis } from "../platform/monotonic.ts"

/** Counts in this process, or together with the other workers. Synchronous, because every call passes through it. */
const local =
  (counted: Pick<fixedWindows.Windows, "take">, offset = 0) =>
  (limits: ReadonlyArray<fixedWindows.Limit>): Effect.Effect<number, RateLimited> =>
    Effect.clockWith((clock) => {
      const taken = counted.take(limits, monotonicMillis(clock) + offset)
      return typeof taken === "number" ? Effect.succeed(taken) : Effect.fail(rateLimited(taken))
    })

/** Counts in memory of all workers, by the time since the boot of the machine, which they have in common. */
const together = (slot: Slot) =>
  Effect.clockWith((clock) =>
    Effect.promise(async () => {
      const { make } = await import("./sharedFixedWindows.ts")
      return local(make(slot.limits, slot.seed), millisSinceBoot() - monotonicMillis(clock))
    })
  )

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
  /** Counts in the shared Redis, if there is one, else together with the other workers. */
  static readonly layerNoDeps = Layer.effect(
    RateLimit,
    Effect.gen(function* () {
      const shared = yield* SharedRedis
      const slot = yield* WorkerSlot
      const take = slot === undefined ? local(fixedWindows.make(maxKeys)) : yield* together(slot)
      if (Option.isNone(shared)) return RateLimit.of({ take })
      const { make } = yield* Effect.promise(() => import("./redisFixedWindows.ts"))
      return RateLimit.of({ take: yield* make(shared.value, take) })
    })
  )

  static readonly layer = RateLimit.layerNoDeps.pipe(Layer.provide(SharedRedis.layer))

  /** Counts in this process. */
  static readonly layerMemory = Layer.sync(RateLimit, () =>
    RateLimit.of({ take: local(fixedWindows.make(maxKeys)) })
  )
}
