/** A published application as administrators see it, the requests that change it, and the errors of both. */
import { Schema } from "effect"
import { canonicalHost, isLoopback } from "../../http/hosts.ts"
import { ScopeName } from "../../identity/ScopeName.ts"

const longestUrl = 2048

/** Numeric hosts are addresses in any notation (URL standard, section 3.5), such as 0x7f.1. */
const isAddress = (host: string) =>
  /^\[|^[\d.]+$/.test(URL.parse(`http://${host.replace("*.", "")}`)?.hostname ?? "")

const isPublishable = Schema.makeFilter((given: string) => {
  const host = canonicalHost(given)
  if (host === undefined || host.length > 253) {
    return "must be a host name such as app.example.com or *.example.com, in ASCII (punycode), without scheme, port or path"
  }
  if (isAddress(host)) return "must be a host name, not an IP address"
  return !isLoopback(host) || "is a name of this machine, under which the service itself answers"
})

export const Hostname = Schema.String.check(Schema.isMaxLength(255), isPublishable).annotate({
  description:
    "Host name that clients use, such as app.example.com, or *.example.com for all of its subdomains that have no entry."
})

/** Cloud metadata by its usual address and name; other such addresses are found when names are resolved. */
const isMetadata = (hostname: string) =>
  /^169\.254\.|^\[fe[89ab]|^metadata\.google\.internal\.?$/i.test(hostname)

const isTarget = Schema.makeFilter((given: string) => {
  const url = URL.parse(given)
  if (url === null) return "must be a URL such as http://localhost:3000"
  if (url.protocol !== "http:" && url.protocol !== "https:") return "must begin with http:// or https://"
  if (url.username !== "" || url.password !== "") return "must not contain a user name or password"
  if (url.search !== "" || url.hash !== "") return "must not have a query or a fragment"
  return !isMetadata(url.hostname) || "must not be a link-local or cloud metadata address"
})

export const TargetUrl = Schema.String.check(Schema.isMaxLength(longestUrl), isTarget).annotate({
  description:
    "URL of the application, such as http://localhost:3000. Its path is put before that of each request. Addresses of this machine and of private networks are allowed."
})

/** Headers that the proxy sets itself: framing, hop-by-hop, and who the client is. */
const reserved =
  /^(?:host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|content-length|upgrade|via|expect|forwarded|x-forwarded-.*|x-real-ip|remote-user|sec-websocket-.*)$/

const HeaderName = Schema.String.check(
  Schema.isPattern(/^[!#$%&'*+.^_`|~0-9a-z-]{1,128}$/),
  Schema.makeFilter((name: string) => !reserved.test(name) || "is set by the proxy itself")
).annotate({ expected: "the name of a header, in small letters" })

/** A field value (RFC 9110, section 5.5). */
const HeaderValue = Schema.String.check(
  Schema.isPattern(/^(?:[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?)?$/)
).annotate({
  expected: "at most 4096 visible ASCII characters"
})

const seconds = (most: number) => Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: most }))
const count = (most: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: most }))

const options = {
  protect: Schema.optionalKey(
    ScopeName.annotate({
      description:
        "Scope that requests need, such as read: API clients send a bearer token, browsers sign in. Default: none, everyone may use the application."
    })
  ),
  set_headers: Schema.optionalKey(
    Schema.Record(HeaderName, HeaderValue).check(Schema.isMaxProperties(32)).annotate({
      description: "Request headers to set, by name in small letters. They are shown to administrators."
    })
  ),
  remove_headers: Schema.optionalKey(
    Schema.Array(HeaderName)
      .check(Schema.isMaxLength(32))
      .annotate({ description: "Request headers to remove." })
  ),
  preserve_host: Schema.optionalKey(
    Schema.Boolean.annotate({
      description: "Send the Host of the client; false: that of target_url. Default: true."
    })
  ),
  websocket: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "Whether WebSockets are allowed. Default: true." })
  ),
  response_timeout: Schema.optionalKey(
    seconds(3600).annotate({ description: "Seconds until the response begins. Default: 60." })
  ),
  idle_timeout: Schema.optionalKey(
    seconds(86_400).annotate({
      description: "Seconds without data after which a response that has begun is ended. Default: 300."
    })
  ),
  max_body_bytes: Schema.optionalKey(
    count(2 ** 31 - 1).annotate({
      description: "Largest request body in bytes, at most edge.max_body_bytes, which is the default."
    })
  ),
  max_requests: Schema.optionalKey(
    count(100_000).annotate({
      description:
        "Maximum requests and WebSockets at the same time; others get 503. Default: edge.max_requests_per_host."
    })
  )
}

export const ProxyOptions = Schema.Struct(options)
export type ProxyOptions = typeof ProxyOptions.Type

export const NewProxy = Schema.Struct({ hostname: Hostname, target_url: TargetUrl, ...options }).annotate({
  identifier: "NewProxy"
})
export type NewProxy = typeof NewProxy.Type

const revision = Schema.optionalKey(
  Schema.Int.annotate({
    description:
      "Revision of the entry that you saw. If another administrator has changed it since, nothing happens."
  })
)

export const ProxyUpdate = Schema.Struct({
  hostname: Hostname,
  target_url: TargetUrl,
  ...options,
  revision
}).annotate({ identifier: "ProxyUpdate" })
export type ProxyUpdate = typeof ProxyUpdate.Type

/** The same for a host name that is elsewhere in the request. */
export const ProxyReplacement = Schema.Struct({ target_url: TargetUrl, ...options, revision }).annotate({
  identifier: "ProxyReplacement"
})

export const ProxyDeletion = Schema.Struct({ hostname: Hostname, revision })
export type ProxyDeletion = typeof ProxyDeletion.Type

export const Undo = Schema.Struct({
  revision: Schema.optionalKey(
    Schema.Int.annotate({
      description:
        "Revision of the change to undo, if it is the last one. Default: the last change, whatever it is."
    })
  )
})
export type Undo = typeof Undo.Type

export const Proxy = Schema.Struct({
  hostname: Schema.String,
  target_url: Schema.String,
  ...options,
  revision: Schema.Int.annotate({
    description: "Number of the last change; higher than that of all changes before."
  }),
  created_at: Schema.String,
  created_by: Schema.String,
  updated_at: Schema.String,
  updated_by: Schema.String
}).annotate({ identifier: "Proxy", description: "Times are in ISO 8601." })
export type Proxy = typeof Proxy.Type

export const Undone = Schema.Struct({
  hostname: Schema.String,
  undone: Schema.Int.annotate({ description: "Revision of the change that was undone." }),
  proxy: Schema.NullOr(Proxy).annotate({ description: "The entry now; null: it is no longer published." })
}).annotate({ identifier: "UndoneProxyChange" })
export type Undone = typeof Undone.Type

export class ProxyError extends Schema.TaggedError<ProxyError>()("ProxyError", {
  reason: Schema.Literals([
    "taken",
    "too_many",
    "not_found",
    "conflict",
    "reserved",
    "target",
    "nothing_to_undo"
  ]),
  message: Schema.String
}) {}

/** The table could not be read or written. `message` is for callers: it shows no path or address. */
export class ProxiesUnavailable extends Schema.TaggedError<ProxiesUnavailable>()("ProxiesUnavailable", {
  message: Schema.String
}) {
  /** For the operator: what is wrong, and what to do. Not encoded. */
  detail: string | undefined
}
