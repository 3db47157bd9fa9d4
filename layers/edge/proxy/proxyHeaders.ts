/** Headers of proxied requests and responses: hop-by-hop and forged ones removed, the client's address and scheme added. */
import { cookiePrefix, removeOwnCookies, withoutOwnCookies } from "./ownCookies.ts"
import { clientAddress } from "../../http/clientAddress.ts"

/** RFC 9110, section 7.6.1, and their forerunners; `Expect` is answered by the listener. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "http2-settings"
])

/** Statements about the client that applications believe, because only a proxy can make them. */
const isStatement = (name: string): boolean => {
  switch (name.charCodeAt(0)) {
    case 102: // f
      return name === "forwarded"
    case 114: // r
      return name.startsWith("remote-")
    case 120: // x
      return (
        name.startsWith("x-forwarded-") ||
        name === "x-real-ip" ||
        name.startsWith("x-remote-") ||
        (name.startsWith("x-auth-") && name !== "x-auth-token" && name !== "x-auth-key")
      )
    default:
      return false
  }
}

/** Statements about the connection; the others are about the user. */
const ofConnection: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-forwarded-server",
  "x-real-ip"
])

/** Removes statements about the user, whom the proxy itself has authenticated: trusted proxies pass on those of clients. */
export const removeIdentities = (headers: Record<string, string>): void => {
  for (const name in headers) if (isStatement(name) && !ofConnection.has(name)) delete headers[name]
}

/** As CGI and its successors (WSGI, PHP) see a name: several characters become one. */
export const cgiName = (name: string): string => name.replace(/[_.]/g, "-")

/** Another spelling of a statement, such as `Remote_User`, which many applications cannot distinguish from it. */
const isDisguised = (name: string): boolean =>
  (name.includes("_") || name.includes(".")) && isStatement(cgiName(name))

/** Names in a Connection header, which are hop-by-hop as well. */
const listedIn = (connection: string | undefined | null): ReadonlyArray<string> =>
  connection == null || connection === "keep-alive"
    ? []
    : connection.split(",").map((name) => name.trim().toLowerCase())

export interface ClientFacts {
  /** Address of the connection's peer. */
  readonly peer: string
  readonly secure: boolean
  /** Proxies whose statements about the client are kept. */
  readonly trustedProxies: ReadonlyArray<string>
  /** For `Via` (RFC 9110, section 7.6.3). */
  readonly pseudonym: string
}

/** RFC 7239, section 6: IPv6 addresses in brackets and quotation marks. */
const node = (address: string) => (address.includes(":") ? `"[${address}]"` : address)

/** Whether `peer` is a trusted proxy; its own address is then not that of the client. */
const isTrusted = ({ peer, trustedProxies }: ClientFacts) =>
  trustedProxies.length > 0 &&
  clientAddress(new Headers({ "x-forwarded-for": "192.0.2.1" }), peer, trustedProxies) !== peer

const append = (before: string | undefined, value: string) =>
  before === undefined || before === "" ? value : `${before}, ${value}`

/**
 * The headers for the target, by name in lower case. Statements about the client are those of a trusted proxy, else only our
 * own: `X-Forwarded-*`, `X-Real-IP` and `Forwarded` (RFC 7239).
 */
export const requestHeaders = (given: Headers, facts: ClientFacts): Record<string, string> => {
  const received = given.toJSON()
  const { connection } = received
  const headers: Record<string, string> = {}
  const isFromProxy = isTrusted(facts)
  for (const name in received) {
    if (hopByHop.has(name) || (!isFromProxy && isStatement(name)) || isDisguised(name)) continue
    headers[name] = received[name] ?? ""
  }
  for (const name of listedIn(connection)) delete headers[name]
  const { cookie } = headers
  if (cookie?.includes(cookiePrefix) === true) {
    const others = withoutOwnCookies(cookie)
    if (others === "") delete headers["cookie"]
    else headers["cookie"] = others
  }
  const { peer, pseudonym, secure } = facts
  const host = received["host"] ?? ""
  // Also if the Connection header lists it.
  headers["host"] = host
  const scheme = secure ? "https" : "http"
  headers["x-forwarded-for"] = append(headers["x-forwarded-for"], peer)
  headers["x-forwarded-proto"] ??= scheme
  headers["x-forwarded-host"] ??= host
  headers["x-real-ip"] ??= peer
  headers["forwarded"] = append(headers["forwarded"], `for=${node(peer)};host="${host}";proto=${scheme}`)
  headers["via"] = append(headers["via"], `1.1 ${pseudonym}`)
  return headers
}

/** Removes what is not for the client. */
export const cleanResponse = (headers: Headers): void => {
  const connection = headers.get("connection")
  if (connection !== null) {
    for (const name of listedIn(connection)) if (/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) headers.delete(name)
    headers.delete("connection")
  }
  removeOwnCookies(headers)
  headers.delete("keep-alive")
  headers.delete("proxy-authenticate")
  headers.delete("proxy-connection")
  headers.delete("transfer-encoding")
  headers.delete("trailer")
  headers.delete("upgrade")
}
