/** Verifies access tokens (RFC 9068) of other issuers, by the key sets that they publish. */
import { Clock, Effect, Schema } from "effect"
import { createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify } from "jose"
import { Principal } from "../../../src/domain/Principal.ts"
import { fromOAuth } from "../../../src/domain/scopes.ts"
import { BoundedCache } from "../../cache/BoundedCache.ts"
import { sha256 } from "../../platform/digest.ts"
import { type Credentials, type Verdict, VerifierUnavailable } from "../CredentialVerifier.ts"
import type { Grant } from "../Grant.ts"
import { audiencesOf, type Audiences } from "./resources.ts"
import type { OAuthSettings } from "./settings.ts"

/** As credentials of grants begin, before the colon. */
export const kind = "issuer-token"

/** Signatures with private keys only: a shared secret could be the text of a public key. */
const algorithms = ["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]

/** Tolerated difference of the clocks, in seconds. */
const clockTolerance = 5
/** Milliseconds: time limit of a request for keys, and its minimum distance to the one before. */
const keysTimeout = 5000
const keysCooldown = 30_000
const maxGrants = 10_000

const Claims = Schema.Struct({
  iss: Schema.String,
  sub: Schema.NonEmptyString,
  exp: Schema.Finite,
  scope: Schema.optionalKey(Schema.String),
  client_id: Schema.optionalKey(Schema.NonEmptyString),
  azp: Schema.optionalKey(Schema.NonEmptyString),
  cnf: Schema.optionalKey(Schema.Struct({ jkt: Schema.optionalKey(Schema.NonEmptyString) }))
})
const decodeClaims = Schema.decodeUnknownResult(Claims)

/** Claims of the token, its expiry, or what is wrong with it. */
type Checked = typeof Claims.Type | "expired" | "invalid" | "unreachable"

export interface IssuerTokenOptions {
  readonly issuers: OAuthSettings["issuers"]
  readonly resources: Audiences
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
}

const unavailable = new VerifierUnavailable({
  message: "The keys of the token's issuer cannot be fetched at this moment. Retry later.",
  retryAfter: 5000
})

const failureOf = (error: unknown): Checked => {
  if (error instanceof errors.JWTExpired) return "expired"
  // The set has the key of no token with this key id, or of several.
  const isKnown =
    error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys
  if (isKnown) return "invalid"
  const isToken = error instanceof errors.JWTInvalid || error instanceof errors.JWTClaimValidationFailed
  const isSignature =
    error instanceof errors.JWSInvalid || error instanceof errors.JWSSignatureVerificationFailed
  const isUnsupported = error instanceof errors.JOSENotSupported || error instanceof errors.JOSEAlgNotAllowed
  return isToken || isSignature || isUnsupported ? "invalid" : "unreachable"
}

export const make = ({ fetch, issuers, resources }: IssuerTokenOptions) => {
  const keySets = new Map(
    issuers.map(({ issuer, jwks_url }) => [
      issuer,
      createRemoteJWKSet(new URL(jwks_url), {
        timeoutDuration: keysTimeout,
        cooldownDuration: keysCooldown,
        [customFetch]: (url, { headers, method, signal }) => fetch(url, { headers, method, signal })
      })
    ])
  )
  /** Grants of verified tokens: an open connection keeps that of its token until the token expires. */
  const grants = new BoundedCache<Grant>({ maxEntries: maxGrants, maxSize: Infinity })

  const check = async (token: string, resource: string): Promise<Checked> => {
    let issuer: string | undefined
    try {
      issuer = decodeJwt(token).iss
    } catch {
      return "invalid"
    }
    const keys = issuer === undefined ? undefined : keySets.get(issuer)
    if (keys === undefined || issuer === undefined) return "invalid"
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [...audiencesOf(resources, resource)],
        algorithms,
        typ: "at+jwt",
        clockTolerance,
        requiredClaims: ["exp", "sub"]
      })
      const claims = decodeClaims(payload)
      return claims._tag === "Success" ? claims.success : "invalid"
    } catch (error) {
      return failureOf(error)
    }
  }

  const grantOf = (
    token: string,
    { azp, client_id, cnf, exp, iss, scope = "", sub }: typeof Claims.Type
  ): Grant => {
    const scopes = scope
      .split(" ")
      .filter((each) => each !== "")
      .map(fromOAuth)
    const ceiling = issuers.find(({ issuer }) => issuer === iss)?.ceiling ?? []
    return {
      principal: new Principal({
        // Accounts of this service have no such character in their names.
        subject: `${iss}|${sub}`,
        clientId: client_id ?? azp ?? iss,
        scopes,
        ceiling: [...new Set([...scopes, ...ceiling])],
        source: "oauth"
      }),
      credential: `${kind}:${Buffer.from(sha256(token)).toString("base64url")}`,
      expiresAt: exp * 1000,
      ...(cnf?.jkt !== undefined && { keyThumbprint: cnf.jkt })
    }
  }

  return {
    verify: Effect.fnUntraced(function* (
      token: string,
      { resource }: Credentials
    ): Effect.fn.Return<Verdict, VerifierUnavailable> {
      const checked = yield* Effect.promise(() => check(token, resource))
      if (checked === "unreachable") return yield* unavailable
      if (checked === "invalid") return undefined
      if (checked === "expired") return "expired"
      const grant = grantOf(token, checked)
      grants.put(grant.credential, grant, 0, grant.expiresAt)
      return grant
    }),
    current: (credentials: ReadonlyArray<string>) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        credentials.map((credential) => grants.get(credential, now)?.value)
      )
  }
}
