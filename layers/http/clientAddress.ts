/** Address of a client behind trusted reverse proxies, and the host by which it reached them. */
import ipaddr from "ipaddr.js"
import { parseHost } from "./hosts.ts"

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

const isTrusted = (address: string, trusted: ReadonlyArray<string>) =>
  trusted.some((range) => isIn(parse(address), range))

/**
 * The address of the client. `peer`: address of the connection. Each proxy appends the address that it received the request
 * from, so the last one that is not a trusted proxy is the client; entries before it may be invented.
 */
export const clientAddress = (headers: Headers, peer: string, trusted: ReadonlyArray<string>): string => {
  const forwarded = headers.get("x-forwarded-for")
  if (forwarded === null || forwarded.length > maxHeader || !isTrusted(peer, trusted)) return peer
  let client = peer
  for (const each of forwarded.split(",").toReversed()) {
    const address = each.trim()
    if (parse(address) === undefined) return client
    client = address
    if (!isTrusted(address, trusted)) return client
  }
  return client
}

/** What a client requested, as a proxy saw it. */
interface Seen {
  readonly proto: string | undefined
  readonly host: string | undefined
}

/**
 * What the outermost trusted proxy added to a list: each proxy appends an entry, and entries before that one may be invented.
 * A list with fewer entries than proxies was set by one of them and passed on. `clients`: the addresses that the proxies saw.
 */
const outermost = <A>(
  list: ReadonlyArray<A>,
  clients: ReadonlyArray<string>,
  trusted: ReadonlyArray<string>
) => {
  let proxies = 1
  for (const client of clients.toReversed()) {
    if (!isTrusted(client, trusted)) break
    proxies++
  }
  return list[Math.max(0, list.length - proxies)]
}

const listOf = (headers: Headers, name: string): ReadonlyArray<string> => {
  const value = headers.get(name)
  if (value === null || value.length > maxHeader) return []
  return value.split(",").map((each) => each.trim())
}

/** One parameter, or the end of one, of the header `Forwarded` (RFC 7239, section 4). */
const forwardedPart = /\s*(?:([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))\s*)?([;,]|$)/y

/** The elements of the header, each with its parameters; none if it is malformed. */
const forwardedElements = (value: string): ReadonlyArray<ReadonlyMap<string, string>> => {
  const elements: Array<Map<string, string>> = [new Map()]
  forwardedPart.lastIndex = 0
  while (forwardedPart.lastIndex < value.length) {
    const match = forwardedPart.exec(value)
    if (match === null) return []
    const [, name, quoted, token, end] = match
    if (name !== undefined) {
      elements.at(-1)?.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token ?? "")
    }
    if (end === ",") elements.push(new Map())
  }
  return elements
}

/** `for=` may have a port, and brackets around IPv6. */
const addressOf = (node: string) =>
  /^\[([^\]]+)\](?::\d+)?$/.exec(node)?.[1] ?? node.replace(/^([\d.]+):\d+$/, "$1")

const fromForwarded = (headers: Headers, trusted: ReadonlyArray<string>): Seen => {
  const value = headers.get("forwarded")
  if (value === null || value.length > maxHeader) return { proto: undefined, host: undefined }
  const elements = forwardedElements(value)
  const clients = elements.map((element) => addressOf(element.get("for") ?? ""))
  const element = outermost(elements, clients, trusted)
  return { proto: element?.get("proto"), host: element?.get("host") }
}

const fromLists = (headers: Headers, trusted: ReadonlyArray<string>): Seen => {
  const clients = listOf(headers, "x-forwarded-for")
  const last = (name: string) => outermost(listOf(headers, name), clients, trusted)
  return { proto: last("x-forwarded-proto"), host: last("x-forwarded-host") }
}

/**
 * The host by which the client reached a trusted proxy over HTTPS, in lower case and without the default port: of `Forwarded`
 * (RFC 7239), or of `X-Forwarded-Host` and `X-Forwarded-Proto`. `undefined`: the peer is not trusted, says nothing, or says
 * two different things, because proxies pass on the header that they do not write.
 */
export const forwardedHost = (
  headers: Headers,
  peer: () => string,
  trusted: ReadonlyArray<string>
): string | undefined => {
  if (!headers.has("forwarded") && !headers.has("x-forwarded-host")) return undefined
  if (!isTrusted(peer(), trusted)) return undefined
  const seen = [fromForwarded(headers, trusted), fromLists(headers, trusted)].filter(
    ({ host }) => host !== undefined
  )
  const hosts = new Set(
    seen.map(({ host = "", proto }) =>
      proto?.toLowerCase() === "https" ? parseHost(host)?.authority.replace(/:443$/, "") : undefined
    )
  )
  return hosts.size === 1 ? [...hosts][0] : undefined
}
