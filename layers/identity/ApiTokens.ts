/** Static API tokens from the configuration: schema and verifier. */
import { DateTime, Redacted, Schema } from "effect"
import { Principal, PrincipalLimits } from "../../src/domain/Principal.ts"
import { covers } from "../../src/domain/scopes.ts"
import * as Section from "../config/Section.ts"
import { Secret } from "../config/Secret.ts"
import type { Verdict } from "./CredentialVerifier.ts"
import type { Grant } from "./Grant.ts"
import { ScopeName } from "./ScopeName.ts"

/** Syntax of a `Bearer` credential (RFC 6750 §2.1, b64token). */
const b64token = /^[A-Za-z0-9\-._~+/]+=*$/
const minLength = 32

const Token = Secret.check(
  Schema.makeFilter((token) => {
    const text = Redacted.value(token)
    if (text.length < minLength) {
      return `a token needs at least ${minLength} characters, got ${text.length}; generate one with \`openssl rand -hex 32\``
    }
    return b64token.test(text) || "a token may contain letters, digits and -._~+/ only"
  })
)

export const Expiry = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/)
)
  .annotate({
    expected: "a date such as 2027-01-31 or 2027-01-31T12:00:00Z",
    description: "When the token expires. A date without a time means 00:00 UTC."
  })
  .pipe(Schema.decodeTo(Schema.DateTimeUtcFromString))

export const ApiToken = Schema.Struct({
  name: Schema.String.check(Schema.isPattern(/^[\w.@-]{1,64}$/)).annotate({
    expected: "1 to 64 letters, digits and ._@-",
    description: "Name of the token's holder; the subject in logs and metrics."
  }),
  token: Token,
  scopes: Section.optional(Schema.Array(ScopeName), ["read", "call"], "Scopes that the token grants."),
  ceiling: Schema.optionalKey(
    Schema.Array(ScopeName).annotate({
      description:
        "Scopes whose tools the token may see; a call of one that it lacks is 403. Default: `scopes`."
    })
  ),
  expires_at: Schema.optionalKey(Expiry),
  limits: Schema.optionalKey(PrincipalLimits.annotate({ description: "Limits of this token." }))
}).check(
  Schema.makeFilter(({ ceiling, scopes }) => {
    const missing = scopes.find((scope) => ceiling !== undefined && !covers(ceiling, scope))
    return missing === undefined || { path: ["ceiling"], issue: `must contain the scope ${missing}` }
  })
)
export type ApiToken = typeof ApiToken.Type

const repeated = (values: ReadonlyArray<string>): number =>
  values.findIndex((value, index) => values.indexOf(value) < index)

export const ApiTokens = Schema.Array(ApiToken).check(
  Schema.makeFilter((tokens) => {
    const name = repeated(tokens.map((token) => token.name))
    if (name >= 0) return { path: [name, "name"], issue: "another token has this name" }
    const token = repeated(tokens.map((each) => Redacted.value(each.token)))
    return token < 0 || { path: [token, "token"], issue: "another entry has this token" }
  })
)

/** Kind of the credentials, before the colon. */
export const kind = "configured-token"

/**
 * Verifier of the configured tokens. `hashOf`: keyed hash, whose key lives as long as the process. Callers do not know the
 * hash of a text, so that the time of a lookup reveals nothing.
 */
export const make = (tokens: ReadonlyArray<ApiToken>, hashOf: (token: string) => string) => {
  const known = tokens.map(({ ceiling, expires_at, limits, name, scopes, token }) => {
    const hash = hashOf(Redacted.value(token))
    const principal = new Principal({
      subject: name,
      clientId: name,
      scopes,
      ceiling: ceiling ?? scopes,
      source: "api-token",
      ...(limits !== undefined && { limits })
    })
    const grant = {
      principal,
      // A changed token ends the connections of the old one.
      credential: `${kind}:${name}:${hash}`,
      reference: `${kind}:${name}`,
      expiresAt: expires_at === undefined ? Infinity : DateTime.toEpochMillis(expires_at)
    } satisfies Grant
    return { hash, grant }
  })
  const byHash = new Map(known.map(({ grant, hash }) => [hash, grant]))
  const byCredential = new Map(
    known.flatMap(({ grant }) => [
      [grant.credential, grant],
      [grant.reference, grant]
    ])
  )
  return {
    /** `hash`: that of the presented token. */
    verify: (hash: string, now: number): Verdict => {
      const grant = byHash.get(hash)
      return grant === undefined || now < grant.expiresAt ? grant : "expired"
    },
    /** The current grant of the credential, or of its reference, if its token is still configured. */
    current: (credential: string): Grant | undefined => byCredential.get(credential)
  }
}
