/** Static API tokens from the configuration: their schema, and the verifier that recognises a presented one. */
import { DateTime, Redacted, Schema } from "effect"
import { everyScope, Principal } from "../../src/domain/Principal.ts"
import * as Section from "../config/Section.ts"
import { suggestName } from "../config/suggestName.ts"
import { Secret } from "../config/Secret.ts"
import { equalInConstantTime, hmacSha256 } from "../platform/digest.ts"
import type { Grant } from "./Grant.ts"

/** What a `Bearer` credential may be made of (RFC 6750 §2.1, b68token). */
const sendable = /^[A-Za-z0-9\-._~+/]+=*$/
const shortest = 32

const Token = Secret.check(
  Schema.makeFilter((token) => {
    const text = Redacted.value(token)
    if (text.length < shortest) {
      return `a token needs at least ${shortest} characters, this one has ${text.length}; \`openssl rand -hex 32\` makes one`
    }
    return sendable.test(text) || "a token may contain letters, digits and -._~+/ only"
  })
)

/** A scope's name as OAuth allows it (RFC 6749 §3.3). */
const scopeName = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** `team:blue`, `https://tools.example/write`: scopes of a library's own entries, which cannot be known here. */
const isOwn = (name: string) => /[:/.]/.test(name)

/** A misspelt scope would make a token that can do nothing. */
const isKnown = Schema.makeFilter((name: string) => {
  if (everyScope.includes(name) || isOwn(name) || !scopeName.test(name)) return true
  const nearest = suggestName(name, everyScope)
  return nearest === undefined
    ? `unknown scope; known are ${everyScope.join(", ")}, and your own with a colon in it, as team:blue`
    : `unknown scope; did you mean "${nearest}"?`
})

const ScopeName = Schema.String.check(Schema.isPattern(scopeName), isKnown).annotate({
  expected: "a scope's name without spaces"
})

const Expiry = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/)
)
  .annotate({
    expected: "a date such as 2027-01-31 or 2027-01-31T12:00:00Z",
    description: "The token is refused from then on. A date alone means its first moment in UTC."
  })
  .pipe(Schema.decodeTo(Schema.DateTimeUtcFromString))

export const ApiToken = Schema.Struct({
  name: Schema.String.check(Schema.isPattern(/^[\w.@-]{1,64}$/)).annotate({
    expected: "1 to 64 letters, digits and ._@-",
    description: "Who or what holds the token; appears in the audit log."
  }),
  token: Token,
  scopes: Section.optional(Schema.Array(ScopeName), ["read", "call"], "What its holder may do."),
  expires_at: Schema.optionalKey(Expiry)
})
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

/** What a presented token grants: `undefined` when it is unknown. */
export type TokenVerdict = Grant | "expired" | undefined

/**
 * The verifier of the configured tokens. What is presented and what is known are compared as HMACs under `key`, which
 * lives as long as the process, against every token, whether or not one has matched: in constant time.
 */
export const make = (tokens: ReadonlyArray<ApiToken>, key: Uint8Array) => {
  const digest = (text: string) => hmacSha256(key, text)
  const known = tokens.map(({ expires_at, name, scopes, token }) => {
    const bytes = digest(Redacted.value(token))
    const principal = new Principal({
      subject: name,
      clientId: name,
      scopes,
      ceiling: scopes,
      source: "api-token"
    })
    const grant: Grant = {
      principal,
      credential: `api-token:${Buffer.from(bytes).toString("hex")}`,
      expiresAt: expires_at === undefined ? Infinity : DateTime.toEpochMillis(expires_at)
    }
    return { bytes, grant }
  })
  const byCredential = new Map(known.map(({ grant }) => [grant.credential, grant]))
  return {
    verify: (presented: string, now: number): TokenVerdict => {
      const given = digest(presented)
      let match = -1
      for (const [index, entry] of known.entries()) if (equalInConstantTime(entry.bytes, given)) match = index
      const grant = known[match]?.grant
      return grant === undefined || now < grant.expiresAt ? grant : "expired"
    },
    /** What the credential grants now, if it is still one of the tokens. */
    current: (credential: string): Grant | undefined => byCredential.get(credential)
  }
}

/** Whether two grants of one token grant the same. */
export const same = (a: Grant, b: Grant): boolean =>
  a.expiresAt === b.expiresAt &&
  a.principal.key === b.principal.key &&
  a.principal.scopes.join(" ") === b.principal.scopes.join(" ")
