/** Ends a call that takes too long; a report of progress gives it more time. */
import { Clock, Context, Duration, Effect, Exit, Fiber } from "effect"
import { TimedOut } from "./refusals.ts"

/** All in milliseconds. */
export interface TimeLimit {
  /** From the start, and from the last report. */
  readonly limit: number
  /** From the start, whatever is reported. */
  readonly longest: number
}

/** How long a call that was ended may take to clean up before it is answered all the same. */
const grace = Duration.seconds(1)

/**
 * Interrupts `self` and fails with `TimedOut` when its time is over. A call that never waits for anything needs no
 * timer and gets none. `follow` is told what to call on each report; it is not told of calls without a timer.
 */
export const limited = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  name: string,
  { limit, longest }: TimeLimit,
  follow: (reported: () => void) => void
): Effect.Effect<A, E | TimedOut, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<A, E | TimedOut>((resume) => {
      const fork = Effect.runForkWith(context)
      const fiber = fork(self)
      const done = fiber.pollUnsafe()
      if (done !== undefined) {
        resume(done)
        return
      }
      const clock = Context.get(context, Clock.Clock)
      const started = clock.currentTimeMillisUnsafe()
      let deadline = started + Math.min(limit, longest)
      follow(() => {
        deadline = Math.min(started + longest, clock.currentTimeMillisUnsafe() + limit)
      })
      const timedOut = Effect.suspend(() =>
        Effect.andThen(
          Effect.timeoutOption(Fiber.interrupt(fiber), grace),
          Effect.fail(new TimedOut({ name, limit: Math.min(limit, longest) }))
        )
      )
      const arm = (): Fiber.Fiber<void> => {
        const armed = fork(clock.sleep(Duration.millis(deadline - clock.currentTimeMillisUnsafe())))
        armed.addObserver((exit) => {
          if (Exit.isFailure(exit)) return
          if (clock.currentTimeMillisUnsafe() < deadline) timer = arm()
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
