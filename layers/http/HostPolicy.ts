/** Host allow-list and Origin check: DNS rebinding and CSRF protection, applied before authentication. */
import { isLoopback, isLoopbackOrigin, parseHost, parseOrigin } from "./hosts.ts"
import { messagePage } from "./htmlPage.ts"
import { reject } from "./responses.ts"

export interface HostPolicyOptions {
  /** Bind address of the listener. */
  readonly hostname: string
  /** `name` for any port, or `name:port`. */
  readonly allowedHosts: ReadonlyArray<string>
  readonly corsOrigins: ReadonlyArray<string>
  /** Public origins of the service. */
  readonly ownOrigins?: ReadonlyArray<string>
}

/** `listed`: in `server.cors_origins`, may also read responses. `own`: same origin or loopback, may only call. */
export type OriginVerdict = "listed" | "own"

export interface HostPolicy {
  /** The rejection for a Host header that is not allowed. Check it before the request's URL is used. */
  readonly host: (value: string | null) => Response | undefined
  /** The verdict for an Origin header, or its rejection; call it after `host` has passed. `encrypted`: the client uses TLS. */
  readonly origin: (value: string, host: string, encrypted: boolean) => OriginVerdict | Response
}

const notServed = "Host not served here"
/** Everyone sees it: it names what an administrator can change, and no host. */
const whatToDo =
  "An administrator can publish an application under it (create_proxy), or add it to edge.domains or server.allowed_hosts."

/** 421 for a browser. */
export const notServedPage = (): Response => messagePage(421, notServed, whatToDo)

/** Most cached Host verdicts. A full cache is cleared. */
const maxCached = 256
/** Longer Host headers are malformed and not cached. */
const longest = 260

/** The first option that cannot be parsed, as a message for the operator. */
export const mistake = ({ allowedHosts, corsOrigins }: HostPolicyOptions): string | undefined => {
  const host = allowedHosts.find((value) => parseHost(value) === undefined)
  if (host !== undefined) {
    return `server.allowed_hosts: "${host}" is not a host; expected for example example.com or example.com:8443`
  }
  const origin = corsOrigins.find((value) => parseOrigin(value) === undefined)
  if (origin !== undefined) {
    return `server.cors_origins: "${origin}" is not an origin; expected for example https://app.example.com (no wildcards)`
  }
  return undefined
}

export const make = (options: HostPolicyOptions): HostPolicy => {
  const local = isLoopback(options.hostname)
  const hosts = new Set(options.allowedHosts.map((value) => value.toLowerCase()))
  const origins = new Set<string | undefined>(options.corsOrigins.map(parseOrigin))
  const own = new Set(options.ownOrigins)
  /** A public listener requires authentication, so without an allow-list any Host passes. */
  const open = !local && hosts.size === 0

  const judge = (value: string): 200 | 400 | 421 => {
    const host = parseHost(value)
    if (host === undefined) return 400
    const known = open || isLoopback(host.name) || hosts.has(host.name) || hosts.has(host.authority)
    return known ? 200 : 421
  }

  const verdicts = new Map<string, 200 | 400 | 421>()
  const verdict = (value: string) => {
    const before = verdicts.get(value)
    if (before !== undefined) return before
    const now = judge(value)
    if (verdicts.size >= maxCached) verdicts.clear()
    if (value.length <= longest) verdicts.set(value, now)
    return now
  }

  return {
    host: (value) => {
      switch (value === null ? 400 : verdict(value)) {
        case 200:
          return undefined
        case 400:
          return reject(400, "Invalid Host header: expected one host name.")
        case 421:
          return reject(421, `${notServed}. ${whatToDo}`)
      }
    },
    origin: (value, host, encrypted) => {
      const scheme = encrypted ? "https" : "http"
      if (origins.has(value)) return "listed"
      if (own.has(value) || value === `${scheme}://${host.toLowerCase()}`) return "own"
      if (local && isLoopbackOrigin(value)) return "own"
      return reject(403, "Origin not allowed. Add it to server.cors_origins.", {
        vary: "Origin"
      })
    }
  }
}
