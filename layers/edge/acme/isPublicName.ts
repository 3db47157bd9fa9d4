/** Detects hosts that a public CA can validate by HTTP-01. */

/** Names for local use (RFC 6761, RFC 6762, RFC 8375, and `internal` by ICANN), which no public CA certifies. */
const localSuffixes = ["localhost", "local", "internal", "home.arpa", "invalid", "onion"]

/** A name of at least two labels: neither an IP address, nor a wildcard (RFC 8555, section 7.1.3), nor for local use. */
export const isPublicName = (host: string): boolean =>
  /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*$/.test(host) &&
  !localSuffixes.some((suffix) => host === suffix || host.endsWith(`.${suffix}`))
