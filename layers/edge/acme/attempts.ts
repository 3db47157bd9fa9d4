/** Times of ACME attempts: back-off after failures, and renewal at two thirds of the lifetime, both with jitter. */
import { Duration, Effect, Random } from "effect"
import type { AcmeError } from "./AcmeError.ts"

/** After the first failure. Let's Encrypt permits five failed validations of a host per hour. */
const first = Duration.toMillis("10 minutes")
const longest = Duration.toMillis("12 hours")
/** After a rate limit without Retry-After. */
const afterRateLimit = Duration.toMillis("1 hour")
/** Share of a delay that is random. */
const jitter = 0.1

const renewalShare = 2 / 3
/** Share of the lifetime by which renewals are spread. */
const spread = 0.05

/** Milliseconds until the next attempt after `attempts` failures in a row. */
export const delayAfter = (attempts: number, { reason, retryAfter = 0 }: AcmeError) =>
  Effect.map(Random.next, (random) => {
    const least = Math.max(retryAfter, reason === "rate_limited" && retryAfter === 0 ? afterRateLimit : 0)
    const backoff = Math.min(longest, first * 2 ** Math.min(attempts - 1, 20))
    // Never earlier than the CA permits.
    return Math.round(Math.max(least, backoff) * (1 + jitter * random))
  })

/** When a certificate is renewed, in milliseconds since the epoch. */
export const renewalOf = ({
  notAfter,
  notBefore
}: {
  readonly notAfter: number
  readonly notBefore: number
}) =>
  Effect.map(Random.next, (random) =>
    Math.round(notBefore + (notAfter - notBefore) * (renewalShare - spread * random))
  )
