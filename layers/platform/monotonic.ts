/** Time for durations within this process. Unlike the wall clock, which is set at times, it only goes on. */
import { Clock, Effect } from "effect"

const nanosPerMillisecond = 1_000_000

/** Whole milliseconds since an arbitrary moment. Other processes have another one. */
export const monotonicMillis = (clock: Clock.Clock): number =>
  Math.floor(Number(clock.monotonicTimeNanosUnsafe()) / nanosPerMillisecond)

/** The same as an effect. */
export const monotonicNow: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.sync(() => monotonicMillis(clock))
)
