/** The section `edge`: domains of the service, and limits of the reverse proxy. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import * as Section from "../config/Section.ts"
import { canonicalHost } from "../http/hosts.ts"
import { makeCertificateSettings } from "./certificates/section.ts"

/** `mcp.example.com`: a name, neither an IP address nor a wildcard. */
const isDomain = Schema.makeFilter(
  (value: string) => {
    const host = canonicalHost(value)
    return host !== undefined && !host.startsWith("*.") && !/^[\d.]+$|^\[/.test(host)
  },
  { expected: "a host name such as mcp.example.com, without scheme, port or path" }
)

const port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))
const from = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

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
      redirect_port: Schema.optionalKey(
        port.annotate({
          description:
            "Port of HTTPS in redirects, where clients reach `https_port` by another one, such as 443 of a container. Default: `https_port`."
        })
      ),
      hsts: Section.optional(
        DurationSetting,
        "365 days",
        "How long browsers use only HTTPS for a host (Strict-Transport-Security); 0 sends no header."
      ),
      certificates: Section.optional(makeCertificateSettings(), {}, "Certificates of the hosts."),
      max_proxies: Section.optional(from(1, 20_000), 20_000, "Maximum number of published applications."),
      max_body_bytes: Section.optional(
        from(1, 2 ** 31 - 1),
        100 * 1024 * 1024,
        "Largest request body for an application, in bytes."
      ),
      body_timeout: Section.optional(
        DurationSetting,
        "30 seconds",
        "How long a part of a request body may take. A whole body may take as long, and one second more for each 500 bytes; then the request gets 408."
      ),
      max_requests_per_host: Section.optional(
        from(1, 100_000),
        1000,
        "Maximum requests and WebSockets of one application at the same time; others get 503."
      ),
      max_requests_per_address: Section.optional(
        from(1, 100_000),
        256,
        "Maximum requests and WebSockets of one client address for all applications at the same time; others get 429. IPv6 addresses count by /64 network."
      ),
      requests_per_minute_per_host: Schema.optionalKey(
        from(1, 10_000_000).annotate({
          description:
            "Maximum requests of one application per minute, at each instance; others get 429. Default: no limit."
        })
      ),
      requests_per_minute_per_address: Schema.optionalKey(
        from(1, 10_000_000).annotate({
          description:
            "Maximum requests of one client address for all applications per minute, at each instance; others get 429. IPv6 addresses count by /64 network. Default: no limit."
        })
      ),
      access_log: Section.optional(
        Schema.Boolean,
        true,
        "Write a line to the log for each request of an application."
      )
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
