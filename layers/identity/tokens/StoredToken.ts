/** A stored API token as administrators see it, the request for a new one, and the errors of both. */
import { DateTime, Schema } from "effect"
import { PrincipalLimits } from "../../../src/domain/Principal.ts"
import { covers } from "../../../src/domain/scopes.ts"
import { Expiry } from "../ApiTokens.ts"
import { ScopeName } from "../ScopeName.ts"

const Name = Schema.String.check(Schema.isPattern(/^[\w.@-]{1,64}$/)).annotate({
  expected: "1 to 64 letters, digits and ._@-",
  description: "Name of the token; no other active token has it."
})

const Subject = Schema.String.check(Schema.isPattern(/^[\w.@:+-]{1,128}$/)).annotate({
  expected: "1 to 128 letters, digits and ._@:+-",
  description: "The user or machine that uses the token. Default: its name."
})

const scopeList = (description: string) =>
  Schema.Array(ScopeName).check(Schema.isMinLength(1), Schema.isMaxLength(64)).annotate({ description })

export const NewToken = Schema.Struct({
  name: Name,
  subject: Schema.optionalKey(Subject),
  scopes: Schema.optionalKey(
    scopeList(
      "Scopes that the token grants: read, call, admin, or those of one tool, such as call:math.add or call:math.*. Default: read and call."
    )
  ),
  ceiling: Schema.optionalKey(
    scopeList(
      "Scopes whose tools the token may see. A call of one that it may only see is answered with 403. Default: scopes."
    )
  ),
  expires_at: Schema.optionalKey(Expiry),
  limits: Schema.optionalKey(PrincipalLimits)
})
  .check(
    Schema.makeFilter(({ ceiling, scopes = ["read", "call"] }) => {
      const missing = scopes.find((scope) => ceiling !== undefined && !covers(ceiling, scope))
      return missing === undefined || { path: ["ceiling"], issue: `must contain the scope ${missing}` }
    })
  )
  .annotate({ identifier: "NewToken" })
export type NewToken = typeof NewToken.Type

const Time = Schema.NullOr(Schema.String)

export const StoredToken = Schema.Struct({
  id: Schema.NullOr(Schema.String).annotate({ description: "Null for a token of the configuration." }),
  name: Schema.String,
  subject: Schema.String,
  source: Schema.Literals(["stored", "configuration"]),
  status: Schema.Literals(["active", "expired", "revoked"]),
  scopes: Schema.Array(Schema.String),
  ceiling: Schema.Array(Schema.String),
  limits: PrincipalLimits,
  created_at: Time,
  created_by: Schema.NullOr(Schema.String),
  expires_at: Time,
  last_used_at: Time,
  revoked_at: Time,
  revoked_by: Schema.NullOr(Schema.String)
}).annotate({ identifier: "ApiToken", description: "Times are in ISO 8601." })
export type StoredToken = typeof StoredToken.Type

export const isoOf = (millis: number | null): string | null =>
  millis === null ? null : DateTime.formatIso(DateTime.makeUnsafe(millis))

export class TokenError extends Schema.TaggedError<TokenError>()("TokenError", {
  reason: Schema.Literals(["taken", "too_many", "not_found", "forbidden", "expired"]),
  message: Schema.String
}) {}

/** The tokens could not be read or written. `message` is for callers: it shows no path or address. */
export class TokensUnavailable extends Schema.TaggedError<TokensUnavailable>()("TokensUnavailable", {
  message: Schema.String
}) {
  /** For the operator: what is wrong, and what to do. Not encoded. */
  detail: string | undefined
}
