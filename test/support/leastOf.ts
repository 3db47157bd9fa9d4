/** Repeats a measurement that other work on the machine can only make larger. */
import { Effect } from "effect"

const maxTries = 5

/** The least of up to five measurements: the first one below the limit ends them. */
export const leastOf = <E, R>(limit: number, measure: Effect.Effect<number, E, R>) =>
  Effect.gen(function* () {
    let least = Infinity
    for (let tries = 0; tries < maxTries && least >= limit; tries++) {
      least = Math.min(least, yield* measure)
    }
    return least
  })
