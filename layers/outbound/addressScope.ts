/** Which IP addresses are on the public internet, which are somebody's own, and which nobody may be sent to. */
import ipaddr from "ipaddr.js"

/**
 * `public`: an address like any other on the internet. `private`: of this machine, of a private network, or set apart;
 * an operator may allow it. `never`: cloud metadata, links, groups, and addresses that hide another one.
 */
export type AddressScope = "public" | "private" | "never"

/** Where clouds tell a machine its credentials, besides the link-local addresses. */
const metadata: ReadonlySet<string> = new Set(
  [
    "168.63.129.16", // Azure
    "100.100.100.200", // Alibaba
    "192.0.0.192", // Oracle
    "fd00:ec2::254", // AWS
    "fd20:ce::254" // Google
  ].map((address) => ipaddr.parse(address).toString())
)

/** IPv4-mapped, 6to4, Teredo and SIIT addresses stand for an IPv4 address that nobody checked. */
const nobodys: ReadonlySet<string> = new Set([
  "linkLocal",
  "multicast",
  "broadcast",
  "unspecified",
  "ipv4Mapped",
  "6to4",
  "teredo",
  "rfc6145"
])

/** All that has been given out so far (RFC 4291, section 2.4; IANA's registry of IPv6 global unicast addresses). */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3")

/** The IPv4 address that a NAT64 gateway turns an IPv6 one into (RFC 6052, section 2.2, prefix of 96 bits). */
const behindNat64 = (address: ipaddr.IPv6) => new ipaddr.IPv4(address.toByteArray().slice(-4))

const scopeOfParsed = (address: ipaddr.IPv4 | ipaddr.IPv6): AddressScope => {
  const range = address.range()
  if (nobodys.has(range) || metadata.has(address.toString())) return "never"
  if (address instanceof ipaddr.IPv4) return range === "unicast" ? "public" : "private"
  if (range === "rfc6052") return scopeOfParsed(behindNat64(address)) === "never" ? "never" : "private"
  return range === "unicast" && address.match(globalUnicast) ? "public" : "private"
}

/** Only as addresses are written out: the library would also read `1.2.3` and octal numbers. */
export const isAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes("%"))

/** What is no address at all is nowhere to go either. */
export const scopeOf = (address: string): AddressScope =>
  isAddress(address) ? scopeOfParsed(ipaddr.parse(address)) : "never"

/** `10.0.0.0/8`, `fd00::/8`. */
export const isRange = (written: string): boolean =>
  ipaddr.IPv4.isValidCIDRFourPartDecimal(written) || ipaddr.IPv6.isValidCIDR(written)

export const isWithin = (address: string, ranges: ReadonlyArray<string>): boolean => {
  const parsed = ipaddr.parse(address)
  return ranges.some((range) => {
    const [network, bits] = ipaddr.parseCIDR(range)
    return network.kind() === parsed.kind() && parsed.match(network, bits)
  })
}
