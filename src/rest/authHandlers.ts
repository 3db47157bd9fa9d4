/** Handlers of the REST service for API tokens and tickets. */
import { DateTime, Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { withoutPrefix } from "../../layers/http/pathPrefix.ts"
import { Tickets, type TooManyTickets } from "../../layers/identity/Tickets.ts"
import type { VerifierUnavailable } from "../../layers/identity/CredentialVerifier.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import type { TokenError, TokensUnavailable } from "../../layers/identity/tokens/StoredToken.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { metered } from "./admission.ts"
import { Api } from "./api.ts"
import * as errors from "./errors.ts"
import { unavailable } from "./rejections.ts"
import { RestRequest } from "./RestRequest.ts"

const usualPage = 100

const tokenFailed = (error: TokenError | TokensUnavailable) => {
  const { message: detail } = error
  if (error._tag === "TokensUnavailable") return unavailable(detail)
  switch (error.reason) {
    case "not_found":
      return Effect.fail(new errors.NotFound({ detail }))
    case "forbidden":
      return Effect.fail(new errors.Forbidden({ detail }))
    case "expired":
      return Effect.fail(new errors.Unprocessable({ detail }))
    case "taken":
    case "too_many":
      return Effect.fail(new errors.Conflict({ detail }))
  }
}

const ticketFailed = (error: TooManyTickets | VerifierUnavailable) =>
  error._tag === "TooManyTickets"
    ? Effect.fail(new errors.TooManyRequests({ detail: error.message }))
    : unavailable(error.message)

export const authHandlers = HttpApiBuilder.group(
  Api,
  "auth",
  Effect.fn(function* (group) {
    const catalog = yield* Catalog
    const tokens = yield* StoredTokens
    const tickets = yield* Tickets
    return group.handleAll({
      listTokens: Effect.fn(function* ({ query: { cursor, limit = usualPage } }) {
        yield* metered("admin", catalog)
        const { next, tokens: page } = yield* tokens.list({ cursor, limit }).pipe(Effect.catch(tokenFailed))
        return { tokens: page, ...(next !== undefined && { next_cursor: next }) }
      }),
      createToken: Effect.fn(function* ({ payload }) {
        yield* metered("admin", catalog)
        const { about, token } = yield* tokens
          .create(payload, yield* RestRequest)
          .pipe(Effect.catch(tokenFailed))
        return { token: Redacted.value(token), about }
      }),
      revokeToken: Effect.fn(function* ({ params: { token } }) {
        yield* metered("admin", catalog)
        return yield* tokens.revoke(token, yield* RestRequest).pipe(Effect.catch(tokenFailed))
      }),
      ticket: Effect.fn(function* ({ payload }) {
        const { grant, headers } = yield* RestRequest
        yield* metered("read", catalog, "refuse")
        const path = withoutPrefix(payload.path, headers)
        const { expiresAt, text } = yield* tickets.issue(grant, path).pipe(Effect.catch(ticketFailed))
        return { ticket: text, path, expires_at: DateTime.formatIso(DateTime.makeUnsafe(expiresAt)) }
      })
    })
  })
)
