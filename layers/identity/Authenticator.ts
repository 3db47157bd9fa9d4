/** Authenticates HTTP requests: by bearer token, or as the anonymous loopback principal. */
import { Clock, Context, Duration, Effect, Layer, Schema } from "effect"
import * as Hex from "effect/encoding/Hex"
import { Audit } from "../audit/Audit.ts"
import { unauthenticated } from "../audit/AuditEntry.ts"
import { RowLimit } from "../audit/RowLimit.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { isLoopback } from "../http/hosts.ts"
import { pathOf } from "../http/requestRouting.ts"
import { lookupHash } from "../platform/digest.ts"
import { Ids } from "../platform/Ids.ts"
import * as ApiTokens from "./ApiTokens.ts"
import { invalidProof, invalidToken, missingToken } from "./bearerChallenge.ts"
import type { Credentials, InvalidProof, Verdict, VerifierUnavailable } from "./CredentialVerifier.ts"
import { CredentialVerifiers } from "./CredentialVerifiers.ts"
import { FailedAttempts, type FailureReason } from "./FailedAttempts.ts"
import { anonymous, type Grant } from "./Grant.ts"
import * as watchGrants from "./watchGrants.ts"
import type { GrantListener } from "./watchGrants.ts"
import { section } from "./section.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  reason: Schema.Literals(["missing", "invalid", "expired", "throttled"]),
  /** The value of the WWW-Authenticate header (RFC 6750 §3). */
  challenge: Schema.String,
  message: Schema.String,
  /** Milliseconds; only where the address is throttled. */
  retryAfter: Schema.optionalKey(Schema.Finite),
  /** The nonce that the next DPoP proof must have (RFC 9449, section 9). */
  nonce: Schema.optionalKey(Schema.String)
}) {}

export class BindRefused extends Schema.TaggedError<BindRefused>()("BindRefused", {
  hostname: Schema.String,
  message: Schema.String
}) {}

const rejection = (reason: Unauthorized["reason"], message: string): Unauthorized =>
  new Unauthorized({
    reason,
    message,
    challenge: reason === "missing" ? missingToken : invalidToken(message)
  })

const anonymousGrant = Effect.succeed(anonymous)

const missing = Effect.fail(
  rejection("missing", "Authentication required. Send the header `Authorization: Bearer <token>`.")
)
const invalid = Effect.fail(rejection("invalid", "The token is not valid. Check its value."))
const expired = Effect.fail(rejection("expired", "The token has expired. Use a new one."))

const invalidTicket = Effect.fail(
  rejection(
    "invalid",
    "The ticket is not valid: each is valid once, for 30 seconds and one path. Get a new one from POST /auth/ticket."
  )
)

const throttled = (retryAfter: number) =>
  new Unauthorized({
    reason: "throttled",
    message: "Too many invalid tokens from this address. Correct the token, then retry later.",
    challenge: invalidToken("The token is not valid"),
    retryAfter
  })

/** Rows of the audit log for failed credentials of all addresses, per minute: others are counted. */
const mostRows = 300

/** Longer headers are rejected without hashing. */
const maxLength = 8192
/** One credential of the scheme Bearer or DPoP; the scheme's name is case-insensitive (RFC 9110 §11.1). */
const credential = /^(bearer|dpop) +([A-Za-z0-9\-._~+/]+=*)$/i

const unboundToken: InvalidProof = {
  error: "invalid_token",
  message: "The token is not bound to a key. Send it with the scheme Bearer."
}
const boundToken: InvalidProof = {
  error: "invalid_token",
  message: "The token is bound to a key. Send it with the scheme DPoP and a proof."
}

const notProven = (why: InvalidProof) =>
  new Unauthorized({
    reason: "invalid",
    message: why.message,
    challenge: invalidProof(why),
    ...(why.nonce !== undefined && { nonce: why.nonce })
  })

const refuseBind = (hostname: string) =>
  new BindRefused({
    hostname,
    message: `Refusing to listen on ${JSON.stringify(hostname)} without authentication: other machines can reach it.
Listen on 127.0.0.1, create a token (\`manifold token create me\`), or configure one in manifold.yaml:

  auth:
    tokens:
      - name: me
        token: env:MANIFOLD_TOKEN

or in the environment:

  MCP_CONFIG_JSON='{"auth":{"tokens":[{"name":"me","token":"env:MANIFOLD_TOKEN"}]}}'

with at least 32 random characters in MANIFOLD_TOKEN (\`openssl rand -hex 32\`).`
  })

export class Authenticator extends Context.Service<
  Authenticator,
  {
    /** Whether loopback callers must authenticate as well. */
    readonly required: boolean
    /**
     * Verifies the credential and returns its grant. May wait for a store, a key set or an introspection endpoint; a result
     * without waiting is an `Exit`, which needs no fiber (see `immediate`).
     */
    readonly authenticate: (
      credentials: Credentials
    ) => Effect.Effect<Grant, Unauthorized | VerifierUnavailable>
    /** Failed authentications since the start, by reason. */
    readonly failures: () => Readonly<Record<FailureReason, number>>
    /**
     * Calls the listener within a second after the grant has changed, expired, or was revoked or removed by a reload. The
     * returned function removes the listener.
     */
    readonly follow: (grant: Grant, listener: GrantListener) => () => void
    /** After a revocation on this instance: forgets the verdicts of a verifier, and checks the credentials of open connections. */
    readonly recheck: (verifier: string) => Effect.Effect<void>
    /** Fails with `BindRefused` for an address beyond loopback without authentication. */
    readonly requireFor: (hostname: string) => Effect.Effect<void, BindRefused | VerifierUnavailable>
  }
>()("manifold/identity/Authenticator") {
  static readonly layer = Layer.effect(
    Authenticator,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const clock = yield* Clock.Clock
      const ids = yield* Ids
      const verifiers = yield* CredentialVerifiers
      const key = Hex.encode(yield* ids.secret(32))
      const hashOf = (token: string) => lookupHash(key, token)
      const initial = yield* config.read(section)
      const limitsOf = ({ failures: { max, window } }: typeof initial) => ({
        max,
        window: Duration.toMillis(window)
      })
      const audit = yield* Audit
      const rowLimit = new RowLimit(mostRows)
      const attempts = new FailedAttempts(limitsOf(initial))
      const context = yield* Effect.context<never>()
      const log = Effect.runForkWith(context)
      let tokens = ApiTokens.make(initial.tokens, hashOf)
      let anonymousAllowed = initial.anonymous_loopback ?? initial.tokens.length === 0
      /** Whether callers could authenticate at the start, which decides where the program may listen. */
      let canAuthenticate = initial.tokens.length > 0

      yield* verifiers.add({
        name: ApiTokens.kind,
        // They are verified without waiting, before all others.
        recognizes: () => false,
        verify: () => Effect.undefined,
        current: (credentials) => Effect.succeed(credentials.map(tokens.current)),
        usable: Effect.sync(() => canAuthenticate)
      })

      const recheck = (grants: ReadonlyArray<Grant>): Effect.Effect<ReadonlyArray<Grant | undefined>> =>
        Effect.map(verifiers.current(grants), (found) =>
          found.map((now, index) => (grants[index] === anonymous && anonymousAllowed ? anonymous : now))
        )
      const watch = yield* watchGrants.make(recheck)

      yield* config.follow(section, (now) =>
        Effect.suspend(() => {
          tokens = ApiTokens.make(now.tokens, hashOf)
          attempts.configure(limitsOf(now))
          // A service that required tokens when it started to listen never becomes anonymous by a reload.
          anonymousAllowed = now.anonymous_loopback ?? (now.tokens.length === 0 && !canAuthenticate)
          return watch.check
        })
      )

      /**
       * Valid tokens are never throttled: behind a proxy or NAT an address is shared, and 256 bits cannot be guessed. The
       * limit bounds the noise of a client with a wrong token in the log and the metrics.
       */
      const failed = (
        reason: "invalid" | "expired",
        { address, resource }: Credentials,
        error = reason === "invalid" ? invalid : expired
      ): Effect.Effect<never, Unauthorized> => {
        const now = monotonicMillis(clock)
        const { count, retryAfter } = attempts.failed(reason, address, now)
        if (retryAfter === undefined || count === attempts.max + 1) {
          const line = Effect.logWarning(
            retryAfter === undefined ? "authentication failed" : "authentication throttled"
          )
          log(Effect.annotateLogs(line, { address, reason, resource }))
          const omitted = rowLimit.take("", now)
          if (omitted !== undefined) {
            audit.recordSoon({
              actor: unauthenticated,
              action: "authentication",
              target: resource,
              outcome: "refused",
              details: {
                address,
                reason,
                ...(retryAfter !== undefined && { throttled: true }),
                ...(omitted > 0 && { omitted_rows: omitted })
              }
            })
          }
        }
        if (retryAfter !== undefined) return Effect.fail(throttled(retryAfter))
        return error
      }

      /** The grant of a token that is bound to a key, or is sent as if it were. */
      const prove = (grant: Grant, token: string, isDpop: boolean, credentials: Credentials) => {
        const { keyThumbprint } = grant
        if (keyThumbprint === undefined || !isDpop) {
          const why = keyThumbprint === undefined ? unboundToken : boundToken
          return failed("invalid", credentials, Effect.fail(notProven(why)))
        }
        return Effect.flatMap(verifiers.prove(token, keyThumbprint, credentials), (verdict) => {
          if (verdict === "proven") return Effect.succeed(grant)
          const error = Effect.fail(notProven(verdict))
          // Part of each first request.
          return verdict.error === "use_dpop_nonce" ? error : failed("invalid", credentials, error)
        })
      }

      const verify = (token: string, credentials: Credentials, isDpop: boolean) => {
        const judge = (verdict: Verdict): Effect.Effect<Grant, Unauthorized | VerifierUnavailable> => {
          if (verdict === undefined) return failed("invalid", credentials)
          if (verdict === "expired") return failed("expired", credentials)
          if (verdict.keyThumbprint === undefined && !isDpop) return Effect.succeed(verdict)
          return prove(verdict, token, isDpop, credentials)
        }
        const hash = hashOf(token)
        const verdict = tokens.verify(hash, clock.currentTimeMillisUnsafe())
        if (verdict !== undefined) return judge(verdict)
        const cached = verifiers.cached(hash, credentials)
        if (cached !== undefined) return judge(cached.verdict)
        const isSuspect = attempts.isThrottled(credentials.address, monotonicMillis(clock))
        const verified = verifiers.verify(token, hash, credentials, isSuspect)
        return verified === undefined ? failed("invalid", credentials) : Effect.flatMap(verified, judge)
      }

      const verifyTicket = (ticket: string, credentials: Credentials) =>
        Effect.flatMap(verifiers.redeem(ticket, pathOf(credentials.url)), (verdict) => {
          const isGrant = typeof verdict === "object" && verdict.expiresAt > clock.currentTimeMillisUnsafe()
          // Any machine could present the ticket of an anonymous caller.
          if (isGrant && (verdict !== anonymous || (anonymousAllowed && credentials.loopbackPeer))) {
            return Effect.succeed(verdict)
          }
          return failed("invalid", credentials, invalidTicket)
        })

      return Authenticator.of({
        get required() {
          return !anonymousAllowed
        },
        authenticate: (credentials) => {
          const { authorization, ticket } = credentials
          if (authorization === null) {
            if (ticket !== undefined) return Effect.provideContext(verifyTicket(ticket, credentials), context)
            if (anonymousAllowed && credentials.loopbackPeer) return anonymousGrant
            attempts.missing()
            return missing
          }
          const [, scheme, token] =
            authorization.length > maxLength ? [] : (credential.exec(authorization) ?? [])
          if (scheme === undefined || token === undefined) return failed("invalid", credentials)
          return verify(token, credentials, scheme.toLowerCase() === "dpop")
        },
        failures: () => attempts.counts,
        follow: watch.follow,
        recheck: (verifier) => Effect.andThen(verifiers.forgetAll(verifier), watch.check),
        requireFor: (hostname) =>
          canAuthenticate || isLoopback(hostname)
            ? Effect.void
            : Effect.flatMap(verifiers.usable, (usable) => {
                if (!usable) return Effect.fail(refuseBind(hostname))
                canAuthenticate = true
                anonymousAllowed = initial.anonymous_loopback ?? false
                return Effect.void
              })
      })
    })
  )
}
