/** Parses and classifies Host and Origin values: well-formed or not, loopback or not. */

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
const host = new RegExp(`^(${label}(?:\\.${label})*\\.?|\\[[0-9a-f:.]+\\])(:[0-9]{1,5})?$`)
const scheme = /^[a-z][a-z0-9+.-]*$/
const octet = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
const ipv4 = `127(?:\\.${octet}){3}`
const ipv6 = `(?:::1|::ffff:${ipv4})`
/** 127.0.0.0/8 (RFC 1122, section 3.2.1.3), also IPv4-mapped as a dual-stack socket shows it; `localhost` (RFC 6761). */
const loopback = new RegExp(`^(?:localhost\\.?|${ipv4}|${ipv6}|\\[${ipv6}\\])$`, "i")
const loopbackHost = new RegExp(`^(?:localhost\\.?|${ipv4}|\\[${ipv6}\\])(?::[0-9]{1,5})?$`, "i")
const webOrigin = /^https?:\/\//

export interface Host {
  /** In lower case; IPv6 in brackets. */
  readonly name: string
  /** `name`, and the port if present. */
  readonly authority: string
}

/** The value of a Host header (RFC 9112, section 3.2), or `undefined`: no userinfo, path, list or empty port. */
export const parseHost = (value: string): Host | undefined => {
  // 253 for the longest name (RFC 1035), a dot after it, a colon and five digits.
  if (value.length > 260) return undefined
  const authority = value.toLowerCase()
  const name = host.exec(authority)?.[1]
  // Not covered by the pattern: invalid IPv4 and IPv6 addresses, ports over 65535, invalid punycode.
  return name === undefined || !URL.canParse(`http://${authority}`) ? undefined : { name, authority }
}

/** Without the dot of the root. */
export const withoutDot = (name: string): string => (name.endsWith(".") ? name.slice(0, -1) : name)

/** A host name or a wildcard (`*.example.com`) in canonical form: in lower case, no port; `undefined` if it is malformed. */
export const canonicalHost = (pattern: string): string | undefined => {
  const wildcard = pattern.startsWith("*.")
  const parsed = parseHost(wildcard ? pattern.slice(2) : pattern)
  if (parsed === undefined || parsed.authority !== parsed.name) return undefined
  return (wildcard ? "*." : "") + withoutDot(parsed.name)
}

/** An origin in the form that browsers send (RFC 6454, section 6.2), or `undefined`. */
export const parseOrigin = (value: string): string | undefined => {
  const lower = value.toLowerCase()
  const [before, after, ...more] = lower.split("://")
  if (before === undefined || after === undefined || more.length > 0) return undefined
  if (!scheme.test(before) || parseHost(after) === undefined) return undefined
  return before === "http" || before === "https" ? new URL(lower).origin : lower
}

/**
 * Whether a host name or IP address, in any case and with or without brackets, is reachable from this machine only. Bind
 * addresses, peers and Host headers all use this check: two that differ would disable DNS rebinding protection.
 */
export const isLoopback = (hostname: string): boolean => loopback.test(hostname)

/** The same for the value of a Host header, which may have a port. */
export const isLoopbackHost = (value: string): boolean => loopbackHost.test(value)

/** Whether an Origin is a page served from this machine, over HTTP or HTTPS and on any port. */
export const isLoopbackOrigin = (origin: string): boolean =>
  webOrigin.test(origin) && isLoopbackHost(origin.slice(origin.indexOf("//") + 2))
