/** The section `auth`: configured API tokens, bounds of stored ones, and whether loopback callers need one. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"
import { ApiTokens } from "./ApiTokens.ts"
import { LongSecret } from "../config/LongSecret.ts"
import { OAuthSettings } from "./oauth/settings.ts"

const count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))

export const section = Section.make(
  "auth",
  Schema.Struct({
    tokens: Section.optional(ApiTokens, [], "API tokens, sent by clients as `Authorization: Bearer`."),
    token_pepper: Schema.optionalKey(
      LongSecret("a pepper").pipe(
        Schema.annotateEncoded({
          description:
            "Key of the hashes of stored tokens, for instances that share a database. Default: generated in `storage.dir`."
        })
      )
    ),
    max_stored_tokens: Section.optional(
      Schema.Struct({
        subject: Section.optional(count, 100, "Maximum active tokens of one subject."),
        total: Section.optional(count, 10_000, "Maximum active tokens.")
      }),
      {},
      "Bounds of the tokens that `manifold token create` and administrators create."
    ),
    failures: Section.optional(
      Schema.Struct({
        max: Section.optional(
          Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })),
          20,
          "Maximum failed tokens of one address per window; further ones get 429 and are not logged."
        ),
        window: Section.optional(DurationSetting, "1 minute", "Length of the window.")
      }),
      {},
      "Throttling of failed authentications. Valid tokens are never throttled."
    ),
    oauth: Section.optional(OAuthSettings, {}, "The OAuth server, at `/oauth` of `server.public_url`."),
    anonymous_loopback: Schema.optionalKey(
      Schema.Boolean.annotate({
        description:
          "Grant the scopes read and call to clients on this machine without a token. " +
          "Default: true if no tokens are configured, else false."
      })
    )
  }),
  { description: "Authentication over HTTP." }
)
