/** The section `edge`: domains of the service, and limits of the reverse proxy. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"
import { canonicalHost } from "../http/hosts.ts"
import { CertificateSettings } from "./certificates/section.ts"

/** `mcp.example.com`: a name, neither an IP address nor a wildcard. */
const isDomain = Schema.makeFilter(
  (value: string) => {
    const host = canonicalHost(value)
    return host !== undefined && !host.startsWith("*.") && !/^[\d.]+$|^\[/.test(host)
  },
  { expected: "a host name such as mcp.example.com, without scheme, port or path" }
)

const port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))

export const section = Section.deferred(
  "edge",
  () =>
    Schema.Struct({
      domains: Section.optional(
        Schema.Array(Schema.String.check(isDomain)).check(Schema.isMaxLength(100)),
        [],
        "Host names of this service, in addition to that of `server.public_url`. MCP, REST and sign-in are served on each of them."
      ),
      host: Section.optional(
        Schema.NonEmptyString,
        "0.0.0.0",
        "Address that `https_port` and `http_port` listen on. A public one requires authentication."
      ),
      https_port: Schema.optionalKey(
        port.annotate({
          description:
            "Serve HTTPS on this port, usually 443, with a certificate for each host. Default: no HTTPS listener."
        })
      ),
      http_port: Schema.optionalKey(
        port.annotate({
          description:
            "Redirect HTTP on this port, usually 80, to HTTPS, and answer ACME challenges. Requires `https_port`."
        })
      ),
      hsts: Section.optional(
        DurationSetting,
        "365 days",
        "How long browsers use only HTTPS for a host (Strict-Transport-Security); 0 sends no header."
      ),
      certificates: Section.optional(CertificateSettings, {}, "Certificates of the hosts.")
    }).check(
      Schema.makeFilter(({ certificates, http_port, https_port }) =>
        http_port !== undefined && https_port === undefined
          ? { path: ["http_port"], issue: "requires https_port" }
          : certificates.acme === undefined ||
            http_port !== undefined || {
              path: ["certificates", "acme"],
              issue: "requires http_port: the CA checks each host over HTTP"
            }
      )
    ),
  { description: "The edge: domains of this service, and applications that it publishes by host name." }
)

export type EdgeSettings = (typeof section)["schema"]["Type"]
