/** The section `server`: where the HTTP service listens, TLS, host allow-list, CORS, sizes and time-outs. */
import { Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import { PathSetting } from "../config/pathSettings.ts"
import * as Section from "../config/Section.ts"
import { parseHost, parseOrigin } from "./hosts.ts"

const port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))
const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))

/** The same checks as in `HostPolicy`. */
const isHost = Schema.makeFilter((value: string) => parseHost(value) !== undefined, {
  expected: "a host such as example.com or example.com:8443"
})
const isOrigin = Schema.makeFilter((value: string) => parseOrigin(value) !== undefined, {
  expected: "an origin such as https://app.example.com, without wildcards"
})

/** `10.0.0.0/8`, `::1`. The exact check would load a library at every start. */
const isAddressRange = Schema.makeFilter(
  (value: string) => /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:]*:[\da-f:.]*)(?:\/\d{1,3})?$/i.test(value),
  { expected: "an IP address or a range such as 10.0.0.0/8" }
)

const isPublicUrl = Schema.makeFilter(
  (value: string) => {
    const url = URL.parse(value)
    return (url?.protocol === "https:" || url?.protocol === "http:") && url.search === "" && url.hash === ""
  },
  { expected: "a URL such as https://mcp.example.com" }
)

export const section = Section.make(
  "server",
  Schema.Struct({
    host: Section.optional(Schema.NonEmptyString, "127.0.0.1", "Address to listen on."),
    public_url: Schema.optionalKey(
      Schema.String.check(isPublicUrl).annotate({
        description:
          "URL of this service as browsers and other machines reach it, such as https://mcp.example.com; its host passes the host allow-list. Required to sign in at upstream servers unless the browser runs on this machine."
      })
    ),
    trusted_proxies: Section.optional(
      Schema.Array(Schema.String.check(isAddressRange)),
      [],
      "Reverse proxies, by address or range. Their `X-Forwarded-For` names the client for the limits of the OAuth server. Without `public_url`, their `X-Forwarded-Proto` and `X-Forwarded-Host`, or `Forwarded`, name the public URL, if the host is one of `allowed_hosts`."
    ),
    port: Section.optional(port, 8000, "Port to listen on; 0 selects a free port."),
    workers: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 })),
      1,
      "Processes of `manifold serve --http` that share the port, on Linux."
    ),
    max_message_bytes: Section.optional(
      positive,
      4 * 1024 * 1024,
      "Largest HTTP body, WebSocket frame and stdio line, in bytes."
    ),
    max_keys: Section.optional(
      positive,
      10_000,
      "Maximum number of object keys in one JSON-RPC message; checked before parsing."
    ),
    max_items: Section.optional(
      positive,
      100_000,
      "Maximum number of array elements and object members in one JSON-RPC message; checked before parsing."
    ),
    max_depth: Section.optional(
      Schema.Int.check(Schema.isBetween({ minimum: 8, maximum: 1000 })),
      128,
      "Maximum nesting depth of arrays and objects in one JSON-RPC message; checked before parsing."
    ),
    allowed_hosts: Section.optional(
      Schema.Array(Schema.String.check(isHost)),
      [],
      "Host allow-list (DNS rebinding protection): accepted Host headers in addition to loopback names."
    ),
    cors_origins: Section.optional(
      Schema.Array(Schema.String.check(isOrigin)),
      [],
      "CORS allow-list: web origins whose pages may call the service and read its responses, and use sessions of browsers at protected applications."
    ),
    idle_timeout: Section.optional(
      DurationSetting,
      "10 seconds",
      "Idle time-out: close a connection that is silent this long while a request body or a response is pending."
    ),
    shutdown_timeout: Section.optional(
      DurationSetting,
      "5 seconds",
      "Maximum time for running requests to finish at shutdown; then they are interrupted."
    ),
    drain_delay: Section.optional(
      DurationSetting,
      "0 seconds",
      "Delay between a stop signal and shutdown: requests are served and /health/ready returns 503."
    ),
    tls: Schema.optionalKey(
      Schema.Struct({
        cert_file: PathSetting("PEM file with the certificate, followed by its intermediate certificates."),
        key_file: PathSetting("PEM file with the private key.")
      }).annotate({ description: "Serve HTTPS, with HTTP/2. Default: plain HTTP." })
    ),
    http3: Section.optional(
      Schema.Boolean,
      false,
      "Also serve HTTP/3, over UDP on the same port; requires `tls`."
    )
  }).check(
    Schema.makeFilter(
      ({ http3, tls }) =>
        !http3 || tls !== undefined || { path: ["http3"], issue: "requires tls: HTTP/3 is always encrypted" }
    )
  ),
  {
    description: "The HTTP service.",
    // The name that the section has in configurations of WebSocket chat services.
    aliases: ["websocket"],
    env: {
      HOST: { path: ["host"], kind: "string" },
      PORT: { path: ["port"], kind: "number" }
    }
  }
)
