/** Hosts and origins as clients and configurations write them: what is well-formed, and what means this machine. */

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
const host = new RegExp(`^(${label}(?:\\.${label})*\\.?|\\[[0-9a-f:.]+\\])(:[0-9]{1,5})?$`)
const scheme = /^[a-z][a-z0-9+.-]*$/
/** RFC 1122, section 3.2.1.3; also as a dual-stack socket shows it. */
const loopbackAddress = /^(?:::ffff:)?127(?:\.[0-9]{1,3}){3}$/
const loopbackNames: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

export interface Host {
  /** In lower case; IPv6 in brackets. */
  readonly name: string
  /** `name`, and the port where one was given. */
  readonly authority: string
}

/** The value of a Host header (RFC 9112, section 3.2), or `undefined`: no userinfo, path, list or empty port. */
export const parseHost = (value: string): Host | undefined => {
  // 253 for the longest name (RFC 1035), a dot after it, a colon and five digits.
  if (value.length > 260) return undefined
  const authority = value.toLowerCase()
  const name = host.exec(authority)?.[1]
  // What the pattern cannot see: numbers that are no IPv4 address, ports over 65535, broken IPv6 and punycode.
  return name === undefined || !URL.canParse(`http://${authority}`) ? undefined : { name, authority }
}

/** An origin in the form that browsers send (RFC 6454, section 6.2), or `undefined`. */
export const parseOrigin = (value: string): string | undefined => {
  const lower = value.toLowerCase()
  const [before, after, ...more] = lower.split("://")
  if (before === undefined || after === undefined || more.length > 0) return undefined
  if (!scheme.test(before) || parseHost(after) === undefined) return undefined
  return before === "http" || before === "https" ? new URL(lower).origin : lower
}

/** Whether the name of a host is one of those that every machine has for itself. */
export const isLoopbackName = (name: string): boolean => loopbackNames.has(name)

/** Whether a name or an IP address is only reachable from this machine. */
export const isLoopback = (hostname: string): boolean =>
  loopbackNames.has(hostname) || hostname === "::1" || loopbackAddress.test(hostname)
