/** The configuration of requests to other machines: what they may reach, and how much they may take. */
import { Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"
import { parseHost } from "../http/hosts.ts"
import { program } from "../../src/domain/version.ts"

const isHost = Schema.makeFilter((value: string) => parseHost(value) !== undefined, {
  expected: "a host as internal.example, internal.example:8080 or [fd00::1]"
})

const expected = "an address range as 10.0.0.0/8 or fd00::/8"

/** Checked by the library that reads it later, which is loaded only if there is something to check. */
const Range = Schema.String.pipe(
  Schema.annotate({ expected }),
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transformEffect<string, string>({
      decode: (written, options) =>
        Effect.flatMap(
          Effect.promise(() => import("./addressScope.ts")),
          ({ isRange }) =>
            isRange(written)
              ? Effect.succeed(written)
              : Effect.fail(new SchemaIssue.InvalidValue({ expected }, written, options))
        ),
      encode: Effect.succeed
    })
  )
)

const port = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 }))
const bytes = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))
const few = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
/** A field value (RFC 9110, section 5.5) of visible characters. */
const Agent = Schema.String.check(Schema.isPattern(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/))

export const section = Section.make(
  "outbound",
  Schema.Struct({
    allow_hosts: Section.optional(
      Schema.Array(Schema.String.check(isHost)),
      [],
      "Hosts that may be reached although their addresses are private; with `:port` also on a port that is refused."
    ),
    allow_private: Section.optional(
      Schema.Array(Range),
      [],
      "Private address ranges that may be reached under any name. Link-local and metadata addresses never are."
    ),
    ports: Section.optional(
      Schema.Array(port),
      [],
      "The only ports that may be reached; empty: all but those that browsers refuse."
    ),
    timeout: Section.optional(
      DurationSetting,
      "20 seconds",
      "How long one request may take, from the look-up of the name to the last byte of the body."
    ),
    max_bytes: Section.optional(bytes, 5 * 1024 * 1024, "Largest body that is read, in bytes, decompressed."),
    max_redirects: Section.optional(few, 10, "Maximum redirects to follow per request."),
    user_agent: Section.optional(
      Agent,
      `${program.name}/${program.version}`,
      "What requests say about who makes them."
    )
  }),
  { description: "Requests to other machines on behalf of callers." }
)

export type Settings = (typeof section)["schema"]["Type"]
