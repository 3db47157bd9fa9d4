/** Runs Effects that mostly complete at once from code that is no Effect, without a promise where the result is there. */
import { Effect, Exit } from "effect"

/** How the Effect ended where it did not have to wait, else a promise of that; never rejects. */
export const runSyncOrPromise = <A, E>(
  effect: Effect.Effect<A, E>
): Exit.Exit<A, E> | Promise<Exit.Exit<A, E>> => {
  // `Effect.succeed` and `Effect.fail` are exits already, and need no fiber.
  if (Exit.isExit(effect)) return effect as Exit.Exit<A, E>
  const fiber = Effect.runFork(effect)
  return fiber.pollUnsafe() ?? new Promise((resolve) => fiber.addObserver(resolve))
}
