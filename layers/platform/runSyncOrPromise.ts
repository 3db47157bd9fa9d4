/** Runs an Effect from plain code: returns its exit if it completes synchronously, else a promise. */
import { Context, Effect, Exit } from "effect"

/**
 * The exit if the Effect completes synchronously, else a promise of it, which never rejects. `context` is that of the program: an
 * Effect that logs without it writes to standard output, in another format.
 */
export const runSyncOrPromise = <A, E>(
  effect: Effect.Effect<A, E>,
  context: Context.Context<never> = Context.empty()
): Exit.Exit<A, E> | Promise<Exit.Exit<A, E>> => {
  // `Effect.succeed` and `Effect.fail` are exits, which need no fiber.
  if (Exit.isExit(effect)) return effect as Exit.Exit<A, E>
  const fiber = Effect.runForkWith(context)(effect)
  return fiber.pollUnsafe() ?? new Promise((resolve) => fiber.addObserver(resolve))
}
