/** Classifies IP addresses for SSRF protection: public, private, or never allowed. */
import ipaddr from "ipaddr.js"

/**
 * `public`: globally routable. `private`: loopback, private and reserved networks; an operator may allow them. `never`:
 * cloud metadata, link-local, multicast, and addresses that embed an unchecked IPv4 address.
 */
export type AddressScope = "public" | "private" | "never"

/** Cloud metadata services (which reveal credentials) outside of link-local addresses. */
const metadata: ReadonlySet<string> = new Set(
  [
    "168.63.129.16", // Azure
    "100.100.100.200", // Alibaba
    "192.0.0.192", // Oracle
    "fd00:ec2::254", // AWS
    "fd20:ce::254" // Google
  ].map((address) => ipaddr.parse(address).toString())
)

/** Includes IPv4-mapped, 6to4, Teredo and SIIT: they embed an IPv4 address that was not checked. */
const neverAllowed: ReadonlySet<string> = new Set([
  "linkLocal",
  "multicast",
  "broadcast",
  "unspecified",
  "ipv4Mapped",
  "6to4",
  "teredo",
  "rfc6145"
])

/** Assigned global unicast range (RFC 4291, section 2.4; IANA registry of IPv6 global unicast addresses). */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3")

/** The IPv4 address behind a NAT64 address (RFC 6052, section 2.2, prefix of 96 bits). */
const behindNat64 = (address: ipaddr.IPv6) => new ipaddr.IPv4(address.toByteArray().slice(-4))

const scopeOfParsed = (address: ipaddr.IPv4 | ipaddr.IPv6): AddressScope => {
  const range = address.range()
  if (neverAllowed.has(range) || metadata.has(address.toString())) return "never"
  if (address instanceof ipaddr.IPv4) return range === "unicast" ? "public" : "private"
  if (range === "rfc6052") return scopeOfParsed(behindNat64(address)) === "never" ? "never" : "private"
  return range === "unicast" && address.match(globalUnicast) ? "public" : "private"
}

/** Canonical notation only: the library would also accept `1.2.3` and octal numbers. */
export const isAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes("%"))

/** Malformed addresses are `never`. */
export const scopeOf = (address: string): AddressScope =>
  isAddress(address) ? scopeOfParsed(ipaddr.parse(address)) : "never"

/** CIDR notation: `10.0.0.0/8`, `fd00::/8`. */
export const isRange = (written: string): boolean =>
  ipaddr.IPv4.isValidCIDRFourPartDecimal(written) || ipaddr.IPv6.isValidCIDR(written)

export const isWithin = (address: string, ranges: ReadonlyArray<string>): boolean => {
  const parsed = ipaddr.parse(address)
  return ranges.some((range) => {
    const [network, bits] = ipaddr.parseCIDR(range)
    return network.kind() === parsed.kind() && parsed.match(network, bits)
  })
}
