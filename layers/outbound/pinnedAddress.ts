/** Connections to addresses that were checked: DNS cannot lead them elsewhere (DNS rebinding). */
import { firstReachable } from "../platform/firstReachable.ts"
import type { Target } from "./target.ts"

const unreachable =
  /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT|ENETDOWN|EACCES|EPERM)$/

/** Whether the code of an error says that there was no connection, so that nothing was sent. */
export const isUnreachable = (code: string): boolean => unreachable.test(code)

export const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

/** The URL with the address as its host. The `Host` header must have the name. */
export const pinnedUrl = (url: URL, address: string): URL => {
  const to = new URL(url)
  to.hostname = address.includes(":") ? `[${address}]` : address
  return to
}

/**
 * TLS options for such a URL: the name is sent to the server (SNI), and the certificate is verified for it. Bun pools
 * connections by address and this name.
 */
export const pinnedTls = ({ literal, name }: Pick<Target, "literal" | "name">) => ({
  rejectUnauthorized: true,
  ...(!literal && { serverName: name })
})

/** Hosts whose address is remembered. Beyond that, all are chosen again. */
const maxHosts = 10_000
/** Addresses of a host that are tried. */
const mostAddresses = 4

export interface AddressChoice {
  /** One of the addresses; of several, the first that accepts a connection, as long as it is among them. */
  readonly choose: (host: string, port: number, addresses: ReadonlyArray<string>) => string | Promise<string>
  /** The address does not accept connections any more. */
  readonly forget: (host: string, port: number) => void
}

/** Chooses among checked addresses, as a connection by name would. */
export const makeAddressChoice = (): AddressChoice => {
  const chosen = new Map<string, string>()
  return {
    choose: (host, port, addresses) => {
      const [first = host] = addresses
      if (addresses.length <= 1) return first
      const key = `${host}:${port}`
      const before = chosen.get(key)
      if (before !== undefined && addresses.includes(before)) return before
      return firstReachable(addresses.slice(0, mostAddresses), port).then((address) => {
        if (address === undefined) return first
        if (chosen.size >= maxHosts) chosen.clear()
        chosen.set(key, address)
        return address
      })
    },
    forget: (host, port) => void chosen.delete(`${host}:${port}`)
  }
}
