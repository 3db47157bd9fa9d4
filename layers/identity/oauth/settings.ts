/** The settings `auth.oauth`: lifetimes, limits, scopes and other issuers of the OAuth server. */
import { Duration, Schema } from "effect"
import { DurationSetting } from "../../config/DurationSetting.ts"
import * as Section from "../../config/Section.ts"
import { isLoopback } from "../../http/hosts.ts"
import { LongSecret } from "../../config/LongSecret.ts"
import { ScopeName } from "../ScopeName.ts"

const atLeastSecond = DurationSetting.check(
  Schema.makeFilter((time) => Duration.toSeconds(time) >= 1 || "must be at least 1 second")
)
const limit = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

const windowed = (max: number, window: string, what: string) =>
  Section.optional(
    Schema.Struct({
      max: Section.optional(limit(1_000_000), max, `Maximum ${what} per window.`),
      window: Section.optional(atLeastSecond, window, "Length of the window.")
    }),
    {},
    `Limit on ${what}.`
  )

const isHttps = Schema.makeFilter(
  (value: string) => {
    const url = URL.parse(value)
    return url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname))
  },
  { expected: "an https URL" }
)
const UrlSetting = Schema.String.check(isHttps)

const Issuer = Schema.Struct({
  issuer: UrlSetting.annotate({ description: "The issuer, exactly as in the claim `iss`." }),
  jwks_url: UrlSetting.annotate({ description: "URL of its key set." }),
  ceiling: Section.optional(
    Schema.Array(ScopeName),
    [],
    "Scopes that its tokens may see tools of, without having them (step-up)."
  )
})

export const OAuthSettings = Schema.Struct({
  secret: Schema.optionalKey(
    LongSecret("the secret").pipe(
      Schema.annotateEncoded({
        description:
          "Encrypts the keys of the OAuth server and the secrets of clients in the database, for instances that share it. Default: the key file `keys/oauth`, generated in `storage.dir`."
      })
    )
  ),
  access_token_ttl: Section.optional(atLeastSecond, "1 hour", "Lifetime of an access token."),
  refresh_token_ttl: Section.optional(
    atLeastSecond,
    "30 days",
    "Lifetime of a refresh token. Each use replaces it, so a client that is used once in this time stays connected."
  ),
  grant_ttl: Section.optional(
    atLeastSecond,
    "180 days",
    "How long a user's consent lasts; then the client must ask again."
  ),
  session_ttl: Section.optional(atLeastSecond, "1 day", "How long a browser stays signed in."),
  scopes: Section.optional(
    Schema.Array(ScopeName),
    [],
    "Scopes of your own tools that clients may ask for, in addition to read, call and admin."
  ),
  dpop_nonce: Section.optional(
    Schema.Boolean,
    false,
    "Require a nonce of this server in the proofs of clients that use DPoP (RFC 9449)."
  ),
  issuers: Section.optional(
    Schema.Array(Issuer).check(Schema.isMaxLength(32)),
    [],
    "Other authorization servers whose JWT access tokens (RFC 9068) are accepted, for the resources of `server.public_url`."
  ),
  max_clients: Section.optional(
    limit(1_000_000),
    1000,
    "Maximum number of registered clients. Beyond it, the one that was not used for the longest time is removed."
  ),
  requests: windowed(600, "1 minute", "requests to the OAuth server from one address"),
  registrations: windowed(30, "1 minute", "registrations of clients from one address"),
  sign_ins_per_account: windowed(10, "15 minutes", "failed sign-ins to one account"),
  sign_ins_per_address: windowed(30, "15 minutes", "failed sign-ins from one address")
})
export type OAuthSettings = typeof OAuthSettings.Type
