/** The section `audit`: what the audit log records. */
import { Redacted, Schema } from "effect"
import { Secret } from "../config/Secret.ts"
import * as Section from "../config/Section.ts"

const minimumKeyLength = 32

const Key = Secret.check(
  Schema.makeFilter(
    (key) =>
      Redacted.value(key).length >= minimumKeyLength ||
      `expected at least ${minimumKeyLength} characters; \`openssl rand -hex 32\` makes a key`
  )
)

export const section = Section.deferred(
  "audit",
  () =>
    Schema.Struct({
      enabled: Section.optional(Schema.Boolean, true, "Whether the audit log is written."),
      calls: Section.optional(
        Schema.Literals(["all", "refused", "none"]),
        "all",
        "Calls with a row: of all tools and all that are rejected, only those that are rejected, or none."
      ),
      arguments: Section.optional(
        Schema.Literals(["none", "hash", "redacted"]),
        "hash",
        "What a row says about the arguments of a call: nothing, their SHA-256, or the arguments with secrets masked."
      ),
      max_queued: Section.optional(
        Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 1_000_000 })),
        10_000,
        "Maximum rows in memory while the database cannot be written. Then calls are rejected with 503."
      ),
      key: Schema.optionalKey(
        Key.pipe(
          Schema.annotateEncoded({
            description:
              "Key of the hashes of rows (HMAC-SHA-256): who can write the database cannot compute them without it. Default: none."
          })
        )
      ),
      previous_keys: Section.optional(
        Schema.Array(Key),
        [],
        "Earlier keys, which `manifold audit verify` accepts as well."
      )
    }),
  { description: "The audit log in the database: who did what, in rows that are chained by hashes." }
)

export type AuditSettings = (typeof section)["schema"]["Type"]

/** The settings without a section. */
export const defaults: AuditSettings = {
  enabled: true,
  calls: "all",
  arguments: "hash",
  max_queued: 10_000,
  previous_keys: []
}
