/** Runs an Effect from plain code: returns its exit if it completes synchronously, else a promise. */
import { Effect, Exit } from "effect"

/** The exit if the Effect completes synchronously, else a promise of it, which never rejects. */
export const runSyncOrPromise = <A, E>(
  effect: Effect.Effect<A, E>
): Exit.Exit<A, E> | Promise<Exit.Exit<A, E>> => {
  // `Effect.succeed` and `Effect.fail` are exits, which need no fiber.
  if (Exit.isExit(effect)) return effect as Exit.Exit<A, E>
  const fiber = Effect.runFork(effect)
  return fiber.pollUnsafe() ?? new Promise((resolve) => fiber.addObserver(resolve))
}
