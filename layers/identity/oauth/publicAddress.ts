/** Public address of a request: the issuer of the OAuth server, and the domain of its resources. */
import { Effect } from "effect"
import { everyScope } from "../../../src/domain/scopes.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { isLoopbackHost } from "../../http/hosts.ts"
import type { Connection } from "../../http/Routes.ts"
import { pathOf } from "../../http/requestRouting.ts"
import { pathPrefixOf } from "../../http/pathPrefix.ts"
import * as http from "../../http/section.ts"
import { withMetadata, withScheme } from "../bearerChallenge.ts"
import { make, resourceOf, union, type Audiences, type Resources } from "./resources.ts"

export interface PublicAddress {
  /** The public URL, without a trailing slash. */
  readonly issuer: string
  readonly resources: Resources
  /** The host that the client named, if it is one of the resources' domains. */
  readonly host: string | null
}

/** The connection of a request. */
type Peer = Pick<Connection, "address" | "encrypted">

/** Hosts that this service serves over its own TLS listeners. */
export interface ServedHosts {
  /** Names, without ports. */
  readonly domains: ReadonlyArray<string>
  /** Ports of the listeners. 443 is served as well, which a container or router may map to one of them. */
  readonly ports: ReadonlyArray<number>
}

export interface PublicAddresses {
  /** Domains of tokens; `undefined`: no request has a public address. */
  readonly resources: Audiences | undefined
  /** The public address of a request. */
  readonly find: (request: Pick<Request, "headers">, connection: Peer) => PublicAddress | undefined
  /** Where browsers sign in that request another host: without a public URL, at the first domain on the same port. */
  readonly signInAt: (request: Pick<Request, "headers">, connection: Peer) => PublicAddress | undefined
  /** Origins of the service's own pages. */
  readonly origins: ReadonlyArray<string>
}

const withoutSlash = (url: string) => new URL(url).href.replace(/\/+$/, "")

/** Reads the headers of trusted proxies; the library for IP addresses is loaded only if there are any. */
const forwardedBy = (proxies: ReadonlyArray<string>) =>
  proxies.length === 0
    ? Effect.succeed(() => undefined)
    : Effect.map(
        Effect.promise(() => import("../../http/clientAddress.ts")),
        ({ forwardedHost, isRange }) => {
          const trusted = proxies.filter(isRange)
          return ({ headers }: Pick<Request, "headers">, peer: () => string) =>
            forwardedHost(headers, peer, trusted)
        }
      )

/** One issuer for each host; `further`: resources that each of them has as well. */
const issuers = (hosts: ReadonlyArray<string>, further: ReadonlyArray<string>) => {
  const origins = [...new Set(hosts.map((host) => new URL(`https://${host}`).origin))]
  const known = new Map<string, PublicAddress | undefined>(
    origins.map((origin) => [new URL(origin).host, undefined])
  )
  const [first] = origins
  const resources = first === undefined ? undefined : make(first, [...known.keys(), ...further])
  return {
    origins,
    resources,
    at: (host: string): PublicAddress | undefined => {
      if (resources === undefined || !known.has(host)) return undefined
      const address = known.get(host) ?? { issuer: `https://${host}`, resources: resources.on(host), host }
      known.set(host, address)
      return address
    }
  }
}

/** `mcp.example.com` and `mcp.example.com:8443`. */
const served = ({ domains, ports }: ServedHosts, publicHost: string | undefined) =>
  domains
    .map((domain) => domain.toLowerCase())
    .filter((domain) => domain !== publicHost && !isLoopbackHost(domain))
    .flatMap((domain) => [domain, ...ports.map((port) => `${domain}:${port}`)])

/** The Host header without the port of `https`. */
const securePort = (host: string) => host.toLowerCase().replace(/:443$/, "")

/**
 * A domain of `edge.domains` that a request reaches over our own TLS listener is its public address. Elsewhere the public URL
 * is `server.public_url`. Without it, a trusted proxy names the host, which must be one of `server.allowed_hosts` or the
 * domains, so that issuers are few and stay the same. It is never derived from another Host header, which callers choose.
 */
export const publicAddresses = Effect.fnUntraced(function* (own: ServedHosts) {
  const { allowed_hosts, public_url, trusted_proxies } = yield* (yield* ConfigSource).read(http.section)
  const hosts = [...allowed_hosts, ...own.domains].filter((host) => !isLoopbackHost(host))
  const domains = [...new Set(hosts.map((host) => host.toLowerCase()))]
  const forwarded = yield* forwardedBy(trusted_proxies)
  const direct = issuers(served(own, URL.parse(public_url ?? "")?.hostname), domains)
  const proxied = issuers(public_url === undefined && trusted_proxies.length > 0 ? domains : [], [])
  const issuer = public_url === undefined ? undefined : withoutSlash(public_url)
  const published = issuer === undefined ? undefined : make(issuer, domains)
  const scheme = issuer === undefined ? "https:" : new URL(issuer).protocol
  const all = [published, proxied.resources, direct.resources].filter((each) => each !== undefined)
  const find: PublicAddresses["find"] = ({ headers }, connection) => {
    const outer = forwarded({ headers }, () => connection.address)
    // A URL with a path prefix cannot be checked against the hosts: it must be configured.
    const hasPrefix = pathPrefixOf(headers) !== ""
    const named = outer === undefined ? headers.get("host") : null
    if (named !== null && !hasPrefix && connection.encrypted) {
      const found = direct.at(securePort(named))
      if (found !== undefined) return found
    }
    if (issuer !== undefined && published !== undefined) {
      return { issuer, resources: published, host: outer ?? headers.get("host") }
    }
    return hasPrefix || outer === undefined ? undefined : proxied.at(outer)
  }
  const [first] = own.domains
  return {
    resources: all.length === 0 ? undefined : union(all),
    find,
    signInAt: (request, connection) => {
      const found = find(request, connection)
      if (found !== undefined || first === undefined || !connection.encrypted) return found
      const port = /:\d+$/.exec(request.headers.get("host") ?? "")?.[0] ?? ""
      return direct.at(securePort(`${first}${port}`))
    },
    origins: [
      ...new Set([
        ...(issuer === undefined ? [] : [new URL(issuer).origin]),
        ...domains.map((domain) => new URL(`${scheme}//${domain}`).origin),
        ...direct.origins
      ])
    ]
  } satisfies PublicAddresses
})

/** Scopes of a first token: what a client needs for most tools. Others are added when a tool needs them. */
const firstScopes = everyScope.filter((scope) => scope !== "admin")

/** Completes challenges with the metadata of the resource (RFC 9728). */
export const challenge =
  ({ find }: PublicAddresses) =>
  (given: string, request: Request, connection: Peer): string => {
    const at = find(request, connection)
    if (at === undefined) return given
    return withMetadata(
      withScheme(given, request.headers.get("authorization")),
      at.resources.metadataUrl(resourceOf(pathOf(request.url)), at.host),
      firstScopes
    )
  }
