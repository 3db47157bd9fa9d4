/** Runs a command on stored tokens. Its error says what only the log says to callers of a service: paths and addresses. */
import { Effect, Schema } from "effect"
import type { TokensUnavailable } from "../../../layers/identity/tokens/StoredToken.ts"
import { storedTokens } from "../../program/tokens.ts"

class TokensFailed extends Schema.TaggedError<TokensFailed>()("TokensFailed", { message: Schema.String }) {}

export const asOperator = <A, E, R>(command: Effect.Effect<A, E | TokensUnavailable, R>) =>
  command.pipe(
    Effect.mapError((error) =>
      isUnavailable(error) ? new TokensFailed({ message: error.detail ?? error.message }) : error
    ),
    Effect.provide(storedTokens)
  )

const isUnavailable = (error: unknown): error is TokensUnavailable =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "TokensUnavailable"
