/** The section `outbound`: allowed targets and limits of outbound requests. */
import { Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"
import { parseHost } from "../http/hosts.ts"
import { program } from "../../src/domain/version.ts"

const isHost = Schema.makeFilter((value: string) => parseHost(value) !== undefined, {
  expected: "a host such as internal.example, internal.example:8080 or [fd00::1]"
})

const expected = "an address range such as 10.0.0.0/8 or fd00::/8"

/** Checked by the IP address library, which is loaded only if the setting is used. */
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
      "Allowed hosts despite a private address; with `:port` also on a blocked port."
    ),
    allow_private: Section.optional(
      Schema.Array(Range),
      [],
      "Allowed private address ranges (CIDR). Link-local and cloud metadata addresses are never allowed."
    ),
    ports: Section.optional(
      Schema.Array(port),
      [],
      "Allowed ports; empty: all except those that browsers block."
    ),
    timeout: Section.optional(
      DurationSetting,
      "20 seconds",
      "Time limit of one request, from DNS lookup to the last byte of the body."
    ),
    max_bytes: Section.optional(
      bytes,
      5 * 1024 * 1024,
      "Maximum response body in bytes, after decompression."
    ),
    max_redirects: Section.optional(few, 10, "Maximum redirects to follow per request."),
    user_agent: Section.optional(
      Agent,
      `${program.name}/${program.version}`,
      "User-Agent header of requests."
    )
  }),
  { description: "Outbound HTTP requests on behalf of callers, with SSRF protection." }
)

export type Settings = (typeof section)["schema"]["Type"]
