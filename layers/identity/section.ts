/** The section `auth`: API tokens, and whether loopback callers need one. */
import { Schema } from "effect"
import * as Section from "../config/Section.ts"
import { ApiTokens } from "./ApiTokens.ts"

export const section = Section.make(
  "auth",
  Schema.Struct({
    tokens: Section.optional(ApiTokens, [], "Tokens that callers present as `Authorization: Bearer`."),
    anonymous_loopback: Schema.optionalKey(
      Schema.Boolean.annotate({
        description:
          "Whether callers on this machine may read and call without a token. " +
          "Default: true exactly when no other way to authenticate is configured."
      })
    )
  }),
  { description: "Who may call over HTTP." }
)
