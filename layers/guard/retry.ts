/** Retries transient failures with exponential backoff and jitter. */
import { Duration, Effect, Random } from "effect"
import { transience } from "../../src/domain/Transient.ts"

/** Delays are in milliseconds. */
export interface RetrySettings {
  /** Attempts in total, including the first. */
  readonly attempts: number
  /** Before the first retry; doubles with each further one. */
  readonly firstDelay: number
  readonly maxDelay: number
}

/**
 * Repeats `self` as long as it fails with something transient, unless the pause would not end within the
 * milliseconds that are `left`. A pause lasts between half and all of its time, and not less than the other side
 * asked for; where that is longer than `maxDelay`, the failure is passed on with what was asked.
 */
export const withRetry = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  { attempts, firstDelay, maxDelay }: RetrySettings,
  left: () => number,
  again: (attempt: number, error: E) => void
): Effect.Effect<A, E, R> => {
  /** How long to pause before the next try; `undefined` when there is none. */
  const pauseAfter = Effect.fnUntraced(function* (number: number, error: E) {
    const passing = transience(error)
    if (passing === undefined || number >= attempts) return undefined
    const asked = passing.retryAfter ?? 0
    const grown = Math.min(maxDelay, firstDelay * 2 ** (number - 1))
    const pause = Math.max(asked, grown * (0.5 + (yield* Random.next) / 2))
    return asked > maxDelay || pause >= left() ? undefined : Duration.millis(pause)
  })
  const attempt = (number: number): Effect.Effect<A, E, R> =>
    self.pipe(
      Effect.catch((error) =>
        Effect.flatMap(pauseAfter(number, error), (pause) => {
          if (pause === undefined) return Effect.fail(error)
          const next = Effect.suspend(() => {
            again(number, error)
            return attempt(number + 1)
          })
          return Effect.andThen(Effect.sleep(pause), next)
        })
      )
    )
  return attempt(1)
}
