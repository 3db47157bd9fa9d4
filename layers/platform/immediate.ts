/** Runs Effects that mostly complete at once from code that is no Effect: without a fiber where the result is there. */
import { Effect, Exit } from "effect"

/** The result where the Effect is one already (`Effect.succeed`, `Effect.fail`), else a promise of it; never rejects. */
export const immediate = <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> | Promise<Exit.Exit<A, E>> =>
  Exit.isExit(effect) ? (effect as Exit.Exit<A, E>) : Effect.runPromiseExit(effect)
