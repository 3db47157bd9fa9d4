/** Failures of the store of tokens, as administrators and clients see them; the log has the rest. */
import { Clock, Effect } from "effect"
import type { DatabaseError } from "../../storage/DatabaseError.ts"
import type { StorageError } from "../../storage/Storage.ts"
import { VerifierUnavailable } from "../CredentialVerifier.ts"
import { type TokenError, TokensUnavailable } from "./StoredToken.ts"

/** Milliseconds after which a client may retry. */
const retryAfter = 5000
/** Milliseconds between two log lines: each request and each check of open connections fails during an outage. */
const logInterval = 10_000

const unavailable = (why: string, detail: string) => {
  const error = new TokensUnavailable({ message: `API tokens are unavailable: ${why}.` })
  error.detail = detail
  return error
}

export const makeTokenFailures = () => {
  let logged = -Infinity

  /** The reason for callers, who see no path and no address. */
  const reasonOf = Effect.fnUntraced(function* (error: DatabaseError | StorageError) {
    const now = yield* Clock.currentTimeMillis
    if (now - logged >= logInterval) {
      logged = now
      yield* Effect.logWarning(`API tokens are unavailable: ${error.message}`)
    }
    return error._tag === "DatabaseError"
      ? error.forCallers
      : "the key of the tokens cannot be read or written, the log says what to do"
  })

  const forAdministrators = <A, R>(
    self: Effect.Effect<A, TokenError | DatabaseError | StorageError, R>
  ): Effect.Effect<A, TokenError | TokensUnavailable, R> =>
    self.pipe(
      Effect.catchIf(
        (error) => error._tag !== "TokenError",
        (error) => Effect.flatMap(reasonOf(error), (why) => Effect.fail(unavailable(why, error.message)))
      )
    )

  const forVerification = <A, R>(self: Effect.Effect<A, DatabaseError | StorageError, R>) =>
    self.pipe(
      Effect.catch((error) =>
        Effect.flatMap(reasonOf(error), (why) =>
          Effect.fail(
            new VerifierUnavailable({ message: `The token cannot be verified: ${why}.`, retryAfter })
          )
        )
      )
    )

  return { forAdministrators, forVerification }
}
export type TokenFailures = ReturnType<typeof makeTokenFailures>
