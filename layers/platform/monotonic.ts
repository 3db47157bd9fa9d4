/** Time for durations within this process. Unlike the wall clock, which is set at times, it only goes on. */
import { readFileSync } from "node:fs"
import { Clock, Effect } from "effect"

const nanosPerMillisecond = 1_000_000

/** Whole milliseconds since an arbitrary moment. Other processes have another one. */
export const monotonicMillis = (clock: Clock.Clock): number =>
  Math.floor(Number(clock.monotonicTimeNanosUnsafe()) / nanosPerMillisecond)

/** The same as an effect. */
export const monotonicNow: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.sync(() => monotonicMillis(clock))
)

/** Milliseconds since the boot of this machine, the same for all processes, to 10 ms; Linux only. */
export const millisSinceBoot = (): number => {
  const [seconds] = readFileSync("/proc/uptime", "utf8").split(" ")
  return Math.round(Number(seconds) * 1000)
}
