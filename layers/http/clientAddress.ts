/** Address of a client behind trusted reverse proxies, from `X-Forwarded-For`. */
import ipaddr from "ipaddr.js"

/** Longer headers are not parsed. */
const maxHeader = 2000

const parse = (text: string) => (ipaddr.isValid(text) ? ipaddr.process(text) : undefined)

/** Whether the text is an IP address, or a range such as `10.0.0.0/8`. */
export const isRange = (text: string): boolean => ipaddr.isValid(text) || ipaddr.isValidCIDR(text)

const isIn = (address: ReturnType<typeof parse>, range: string): boolean => {
  if (address === undefined) return false
  const [network, bits] = ipaddr.isValidCIDR(range)
    ? ipaddr.parseCIDR(range)
    : [ipaddr.process(range), address.kind() === "ipv4" ? 32 : 128]
  return network.kind() === address.kind() && address.match(network, bits)
}

/**
 * The address of the client. `peer`: address of the connection. Each proxy appends the address that it received the request
 * from, so the last one that is not a trusted proxy is the client; entries before it may be invented.
 */
export const clientAddress = (headers: Headers, peer: string, trusted: ReadonlyArray<string>): string => {
  const isTrusted = (address: string) => trusted.some((range) => isIn(parse(address), range))
  const forwarded = headers.get("x-forwarded-for")
  if (forwarded === null || forwarded.length > maxHeader || !isTrusted(peer)) return peer
  let client = peer
  for (const each of forwarded.split(",").toReversed()) {
    const address = each.trim()
    if (parse(address) === undefined) return client
    client = address
    if (!isTrusted(address)) return client
  }
  return client
}
