/** Retries transient failures with exponential backoff and jitter. */
import { Duration, Effect, Random } from "effect"
import { transience } from "../../src/domain/Transient.ts"

/** Delays are in milliseconds. */
export interface RetrySettings {
  /** Attempts in total, including the first. */
  readonly attempts: number
  /** Delay before the first retry; doubles with each further one. */
  readonly firstDelay: number
  readonly maxDelay: number
}

/**
 * Repeats `self` while it fails with a transient error, unless the delay would exceed the milliseconds that are `left`.
 * Jitter shortens a delay by up to half, but never below the error's `retryAfter`; a `retryAfter` beyond `maxDelay` ends
 * the retries.
 */
export const withRetry = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  { attempts, firstDelay, maxDelay }: RetrySettings,
  left: () => number,
  onRetry: (attempt: number, error: E) => void
): Effect.Effect<A, E, R> => {
  /** Delay before the next attempt; `undefined`: no further attempt. */
  const delayAfter = Effect.fnUntraced(function* (number: number, error: E) {
    const transient = transience(error)
    if (transient === undefined || transient.partial === true || number >= attempts) return undefined
    const retryAfter = transient.retryAfter ?? 0
    const backoff = Math.min(maxDelay, firstDelay * 2 ** (number - 1))
    const delay = Math.max(retryAfter, backoff * (0.5 + (yield* Random.next) / 2))
    return retryAfter > maxDelay || delay >= left() ? undefined : Duration.millis(delay)
  })
  const attempt = (number: number): Effect.Effect<A, E, R> =>
    self.pipe(
      Effect.catch((error) =>
        Effect.flatMap(delayAfter(number, error), (delay) => {
          if (delay === undefined) return Effect.fail(error)
          const next = Effect.suspend(() => {
            onRetry(number, error)
            return attempt(number + 1)
          })
          return Effect.andThen(Effect.sleep(delay), next)
        })
      )
    )
  return attempt(1)
}
