/** The section `auth`: API tokens, and whether loopback callers need one. */
import { Schema } from "effect"
import * as Section from "../config/Section.ts"
import { ApiTokens } from "./ApiTokens.ts"

export const section = Section.make(
  "auth",
  Schema.Struct({
    tokens: Section.optional(ApiTokens, [], "API tokens, sent by clients as `Authorization: Bearer`."),
    anonymous_loopback: Schema.optionalKey(
      Schema.Boolean.annotate({
        description:
          "Whether clients on this machine have the scopes read and call without a token. " +
          "Default: true if no tokens are configured, else false."
      })
    )
  }),
  { description: "Authentication over HTTP." }
)
