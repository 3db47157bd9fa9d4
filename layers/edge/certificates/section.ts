/** The settings `edge.certificates`: the local CA, ACME, and limits. */
import { Duration, Schema } from "effect"
import { DurationSetting } from "../../config/DurationSetting.ts"
import { PathSetting } from "../../config/pathSettings.ts"
import { LongSecret } from "../../config/LongSecret.ts"
import { Secret } from "../../config/Secret.ts"
import * as Section from "../../config/Section.ts"

/** Directories by name. */
const directories = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory"
} as const

/** Browsers accept no longer ones (CA/Browser Forum Baseline Requirements before 2026, section 6.3.2). */
const longestLifetime = 397

const makeAcmeSettings = () => {
  const isHttpsUrl = Schema.makeFilter((value: string) => URL.parse(value)?.protocol === "https:", {
    expected: "an https URL"
  })

  const Directory = Schema.Union([
    Schema.Literals(["letsencrypt-staging", "letsencrypt"]),
    Schema.String.check(isHttpsUrl)
  ])

  const isEmail = Schema.makeFilter((value: string) => /^[^\s@,]{1,64}@[^\s@,]{1,190}$/.test(value), {
    expected: "an e-mail address"
  })

  const isAgreed = Schema.makeFilter((agreed: boolean) => agreed, {
    expected: "true: read the terms of service of the CA and agree to them"
  })

  return Schema.Struct({
    directory: Directory.annotate({
      description:
        "The CA: `letsencrypt-staging` to try the set-up (browsers do not trust its certificates), then `letsencrypt`, or the directory URL of another CA."
    }),
    email: Schema.optionalKey(
      Schema.String.check(isEmail).annotate({ description: "Contact of the account at the CA." })
    ),
    terms_agreed: Schema.Boolean.check(isAgreed).annotate({
      description: "Set to `true` to agree to the terms of service of the CA."
    }),
    external_account: Schema.optionalKey(
      Schema.Struct({
        key_id: Schema.NonEmptyString,
        hmac_key: Secret.pipe(
          Schema.annotateEncoded({
            description: "Key in base64url, as the CA shows it. Secret: `env:NAME` or `file:PATH`."
          })
        )
      }).annotate({
        description: "External account binding, for CAs that require one (RFC 8555, section 7.3.4)."
      })
    ),
    ca_file: Schema.optionalKey(
      PathSetting(
        "PEM file with the certificates that the directory URL is trusted by. Default: those of the system."
      )
    )
  })
}
export type AcmeSettings = ReturnType<typeof makeAcmeSettings>["Type"]

/** The URL of the directory, given by name or as such. */
export const directoryUrl = ({ directory }: AcmeSettings): string =>
  directory === "letsencrypt" || directory === "letsencrypt-staging" ? directories[directory] : directory

/** A schema costs time at the start, so it is made when the section is first read. */
export const makeCertificateSettings = () => {
  const lifetime = DurationSetting.check(
    Schema.makeFilter((time) => {
      const isValid = Duration.toHours(time) >= 1 && Duration.toDays(time) <= longestLifetime
      return isValid || `must be from 1 hour to ${longestLifetime} days`
    })
  )
  const from = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

  return Schema.Struct({
    secret: Schema.optionalKey(
      LongSecret("the secret").pipe(
        Schema.annotateEncoded({
          description:
            "Encrypts the private keys of certificates in the database, for instances that share it. Default: the key file `keys/certificates`, generated in `storage.dir`."
        })
      )
    ),
    local_ca: Section.optional(
      Schema.Struct({
        lifetime: Section.optional(
          lifetime,
          "90 days",
          "How long certificates of the local CA are valid; renewed at two thirds of it."
        )
      }),
      {},
      "The local CA issues a certificate for each host at once, until another one is there."
    ),
    acme: Schema.optionalKey(
      makeAcmeSettings().annotate({
        description:
          "Certificates of a public CA by ACME (RFC 8555) with HTTP-01 challenges, which require `edge.http_port` to be reachable as port 80."
      })
    ),
    max_hosts: Section.optional(
      from(1, 10_000),
      10_000,
      "Maximum hosts with a certificate; further ones are served with the one for unknown names."
    ),
    max_uploaded: Section.optional(from(0, 10_000), 1000, "Maximum uploaded certificates.")
  })
}
