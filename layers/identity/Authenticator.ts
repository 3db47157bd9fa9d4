/** Decides who is asking over HTTP: the holder of a token, or somebody on this machine who need not say. */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { anonymousLoopback, type Principal } from "../../src/domain/Principal.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { isLoopback } from "../http/hosts.ts"
import { Ids } from "../platform/Ids.ts"
import * as ApiTokens from "./ApiTokens.ts"
import { section } from "./section.ts"

export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  reason: Schema.Literals(["missing", "invalid", "expired"]),
  /** The value of the WWW-Authenticate header (RFC 6750 §3). */
  challenge: Schema.String,
  message: Schema.String
}) {}

export class BindRefused extends Schema.TaggedError<BindRefused>()("BindRefused", {
  hostname: Schema.String,
  message: Schema.String
}) {}

/** What a request brings. A token in the query string is no credential (OAuth 2.1 §5.1.1). */
export interface Credentials {
  /** The Authorization header, as received. */
  readonly authorization: string | null
  /** Whether the connection comes from this machine. */
  readonly loopbackPeer: boolean
}

const refusal = (reason: Unauthorized["reason"], message: string): Unauthorized => {
  // RFC 6750 §3.1: a request without credentials is not told of an error.
  const error = reason === "missing" ? "" : `, error="invalid_token", error_description="${message}"`
  return new Unauthorized({ reason, message, challenge: `Bearer realm="manifold"${error}` })
}

/** Refusals are the same for everybody, so one of each is enough. */
const missing = refusal("missing", "This needs a token: send the header Authorization: Bearer TOKEN.")
const invalid = refusal("invalid", "The token is not valid here")
const expired = refusal("expired", "The token has expired")

/** Longer headers are no token of ours, and are not hashed. */
const longest = 8192
/** One credential of the Bearer scheme; the scheme's name is case-insensitive (RFC 9110 §11.1). */
const bearer = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i

const refuseBind = (hostname: string) =>
  new BindRefused({
    hostname,
    message: `Refusing to listen on ${JSON.stringify(hostname)}, which others can reach, without authentication.
Listen on 127.0.0.1, or configure a token in manifold.yaml:

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
    /** Whether nobody passes without a credential, not even on this machine. */
    readonly required: boolean
    /** Who asks. Fails with `Unauthorized`. */
    readonly authenticate: (credentials: Credentials) => Effect.Effect<Principal, Unauthorized>
    /** The same without an Effect, for the path of every request; returns the error instead of failing. */
    readonly authenticateUnsafe: (credentials: Credentials) => Principal | Unauthorized
    /** Fails with `BindRefused` where an address that others can reach would be open to them. */
    readonly requireFor: (hostname: string) => Effect.Effect<void, BindRefused>
  }
>()("manifold/identity/Authenticator") {
  static readonly layer = Layer.effect(
    Authenticator,
    Effect.gen(function* () {
      const config = yield* (yield* ConfigSource).read(section)
      const clock = yield* Clock.Clock
      const ids = yield* Ids
      // Another way to authenticate is another verifier in this list.
      const verifiers =
        config.tokens.length === 0 ? [] : [ApiTokens.make(config.tokens, yield* ids.secret(32))]
      const anonymous = config.anonymous_loopback ?? verifiers.length === 0

      const verify = (token: string): Principal | Unauthorized => {
        const now = clock.currentTimeMillisUnsafe()
        for (const verifier of verifiers) {
          const verdict = verifier(token, now)
          if (verdict !== undefined) return verdict === "expired" ? expired : verdict
        }
        return invalid
      }

      const authenticateUnsafe = ({ authorization, loopbackPeer }: Credentials): Principal | Unauthorized => {
        if (authorization === null) return anonymous && loopbackPeer ? anonymousLoopback : missing
        const token = authorization.length > longest ? undefined : bearer.exec(authorization)?.[1]
        return token === undefined ? invalid : verify(token)
      }

      const passed = Effect.succeed(anonymousLoopback)
      const authenticate = (credentials: Credentials): Effect.Effect<Principal, Unauthorized> => {
        const found = authenticateUnsafe(credentials)
        if (found === anonymousLoopback) return passed
        return found instanceof Unauthorized ? Effect.fail(found) : Effect.succeed(found)
      }

      const requireFor = (hostname: string) =>
        verifiers.length > 0 || isLoopback(hostname) ? Effect.void : Effect.fail(refuseBind(hostname))

      return Authenticator.of({ required: !anonymous, authenticate, authenticateUnsafe, requireFor })
    })
  )
}
