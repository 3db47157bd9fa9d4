/** Decides whether a request counts as local: by listener, peer, Host header and forwarding headers. */
import { isLoopback, isLoopbackHost } from "./hosts.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"

/**
 * - `never`: the listener does not trust loopback.
 * - `bound`: only loopback peers can connect, so the peer's address is not looked up (microseconds).
 * - `peer`: the peer's address decides.
 */
export type LoopbackTrust = "never" | "bound" | "peer"

export const trustOf = ({
  hostname,
  trustLoopback
}: Pick<ListenerOptions, "hostname" | "trustLoopback">): LoopbackTrust =>
  trustLoopback === false ? "never" : isLoopback(hostname) ? "bound" : "peer"

/**
 * Headers that reverse proxies add (RFC 7239; RFC 9110, section 7.6.3; and their de facto forerunners). Every proxy that
 * sends another `X-Forwarded-*` header sends one of these too; a lookup by name is cheaper than listing all headers.
 */
const forwardingHeaders = [
  "x-forwarded-for",
  "forwarded",
  "via",
  "x-real-ip",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-port",
  "x-forwarded-server"
]

/** Whether a forwarding header is present. */
export const isForwarded = (headers: Headers): boolean => {
  for (const name of forwardingHeaders) if (headers.has(name)) return true
  return false
}

/**
 * A Host that is not a loopback name means a forwarding proxy or DNS rebinding; a forwarding header means that the client
 * is remote. `address` is called only if the peer decides.
 */
export const isTrusted = (trust: LoopbackTrust, headers: Headers, address: () => string): boolean => {
  if (trust === "never" || !isLoopbackHost(headers.get("host") ?? "")) return false
  return !isForwarded(headers) && (trust === "bound" || isLoopback(address()))
}
