/** The hosts that get a certificate. */
import { Effect } from "effect"
import { Domains } from "../Domains.ts"

/** Names of the certificate for clients that send an unknown name, or none because they use an IP address. */
export const fallbackNames = ["localhost", "127.0.0.1", "::1"] as const
/** By which it is identified. */
export const fallbackHost: string = fallbackNames[0]

/** An IP address has no server name (RFC 6066, section 3). */
const isName = (host: string) => !/^[\d.]+$|^\[/.test(host)

/** Those of the names that have a certificate: sorted, each once. */
export const certifiedHosts = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(names.filter(isName))].toSorted()

/** The hosts that this service serves. */
export const servedHosts = Effect.flatMap(Domains, ({ names }) => Effect.map(names, certifiedHosts))
