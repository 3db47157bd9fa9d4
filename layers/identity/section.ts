/** The section `auth`: API tokens, and whether loopback callers need one. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"
import { ApiTokens } from "./ApiTokens.ts"

export const section = Section.make(
  "auth",
  Schema.Struct({
    tokens: Section.optional(ApiTokens, [], "API tokens, sent by clients as `Authorization: Bearer`."),
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
