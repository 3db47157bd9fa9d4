/** Ends a call that takes too long; a report of progress gives it more time. */
import { Clock, Context, Duration, Effect, Exit, Fiber } from "effect"
import { TimedOut } from "./refusals.ts"

/** All in milliseconds. */
export interface TimeLimit {
  /** From the start, and from the last report. */
  readonly limit: number
  /** From the start, whatever is reported; not less than `limit`. */
  readonly longest: number
}

/** How long a call that was ended may take to clean up before it is answered all the same. */
const grace = Duration.seconds(1)

/** Milliseconds that only go forward, also when somebody sets the clock. */
const monotonic = (clock: Clock.Clock) => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/**
 * Runs `work`, which may ask how many milliseconds are left; interrupts it and fails with `TimedOut` when its time is
 * over. A call that never waits for anything needs no timer and gets none. `follow` is told what to call on each
 * report; it is not told of calls without a timer.
 */
export const limited = <A, E, R>(
  work: (left: () => number) => Effect.Effect<A, E, R>,
  name: string,
  { limit, longest }: TimeLimit,
  follow: (reported: () => void) => void
): Effect.Effect<A, E | TimedOut, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<A, E | TimedOut>((resume) => {
      const clock = Context.get(context, Clock.Clock)
      const fork = Effect.runForkWith(context)
      const started = monotonic(clock)
      let deadline = started + limit
      const left = () => deadline - monotonic(clock)
      const fiber = fork(work(left))
      const done = fiber.pollUnsafe()
      if (done !== undefined) {
        resume(done)
        return
      }
      follow(() => {
        deadline = Math.min(started + longest, monotonic(clock) + limit)
      })
      const timedOut = Effect.suspend(() =>
        Effect.andThen(
          Effect.timeoutOption(Fiber.interrupt(fiber), grace),
          Effect.fail(new TimedOut({ name, limit: deadline === started + longest ? longest : limit }))
        )
      )
      const arm = (): Fiber.Fiber<void> => {
        const armed = fork(clock.sleep(Duration.millis(Math.ceil(left()))))
        armed.addObserver((exit) => {
          if (Exit.isFailure(exit)) return
          if (left() > 0) timer = arm()
          else resume(timedOut)
        })
        return armed
      }
      let timer = arm()
      fiber.addObserver((exit) => {
        timer.interruptUnsafe()
        resume(exit)
      })
      return Effect.suspend(() => {
        timer.interruptUnsafe()
        return Fiber.interrupt(fiber)
      })
    })
  )
