/** A clock whose wall time a test sets, as administrators and NTP do, while monotonic time and sleeps go on. */
import { Clock, Duration, Effect } from "effect"

export type Jump = (change: Duration.Input, direction: "forward" | "back") => Effect.Effect<void>

/** Runs the body on that clock. Layers that it provides must be built in it. */
export const withJumps = <A, E, R>(body: (jump: Jump) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((base) => {
    let shift = 0
    const millis = () => base.currentTimeMillisUnsafe() + shift
    const nanos = () => base.currentTimeNanosUnsafe() + BigInt(shift) * 1_000_000n
    // `TestClock` finds its own functions in it.
    const clock: Clock.Clock = {
      ...base,
      sleep: (duration) => base.sleep(duration),
      monotonicTimeNanosUnsafe: () => base.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: base.monotonicTimeNanos,
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos)
    }
    const jump: Jump = (change, direction) =>
      Effect.sync(() => {
        shift += Duration.toMillis(Duration.fromInputUnsafe(change)) * (direction === "back" ? -1 : 1)
      })
    return Effect.provideService(body(jump), Clock.Clock, clock)
  })
