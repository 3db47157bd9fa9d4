/** Lists, creates and revokes API tokens, for administrators. */
import { Effect, Redacted, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import {
  NewToken,
  StoredToken,
  TokenError,
  TokensUnavailable
} from "../../layers/identity/tokens/StoredToken.ts"
import { Caller } from "../catalog/Caller.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const usualPage = 100
const largestPage = 1000

const failure = Schema.Union([TokenError, TokensUnavailable])
const policy = { scopes: ["admin"] }

const ListTokens = Tool.make("list_tokens", {
  description:
    "List the API tokens with their scopes, expiry and last use, the newest first. Tokens themselves are never shown.",
  parameters: Schema.Struct({
    limit: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: largestPage })).annotate({
        description: `Maximum number of tokens. Default: ${usualPage}.`
      })
    ),
    cursor: Schema.optionalKey(
      Schema.String.annotate({ description: "next_cursor of the page before. Absent: the first page." })
    )
  }),
  success: Schema.Struct({
    tokens: Schema.Array(StoredToken),
    next_cursor: Schema.optionalKey(Schema.String)
  }),
  failure
})
  .annotate(Tool.Title, "List API tokens")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const CreateToken = Tool.make("create_token", {
  description:
    "Create an API token. The result has the token itself, which is shown only now: give it to its user, and store it nowhere else.",
  parameters: NewToken,
  success: Schema.Struct({
    token: Schema.String.annotate({ description: "Sent as `Authorization: Bearer <token>`." }),
    about: StoredToken
  }),
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Create an API token")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const RevokeToken = Tool.make("revoke_token", {
  description: "Revoke an API token. Its sessions, streams and sockets end within a second.",
  parameters: Schema.Struct({
    token: Schema.NonEmptyString.annotate({ description: "Id or name of the token, not the token itself." })
  }),
  success: StoredToken,
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Revoke an API token")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, true)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

export const toolkit = Toolkit.make(ListTokens, CreateToken, RevokeToken)
export const layer = toolkit.toLayer(
  Effect.map(StoredTokens, (tokens) =>
    toolkit.of({
      list_tokens: ({ cursor, limit = usualPage }) =>
        Effect.map(tokens.list({ cursor, limit }), ({ next, tokens: page }) => ({
          tokens: page,
          ...(next !== undefined && { next_cursor: next })
        })),
      create_token: Effect.fnUntraced(function* (request) {
        const { about, token } = yield* tokens.create(request, yield* Caller)
        return { token: Redacted.value(token), about }
      }),
      revoke_token: Effect.fnUntraced(function* ({ token }) {
        return yield* tokens.revoke(token, yield* Caller)
      })
    })
  )
)
