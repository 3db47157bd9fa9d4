/** Public address of a request: the issuer of the OAuth server, and the domain of its resources. */
import { Effect } from "effect"
import { everyScope } from "../../../src/domain/scopes.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { isLoopbackHost } from "../../http/hosts.ts"
import { pathOf } from "../../http/requestRouting.ts"
import { pathPrefixOf } from "../../http/pathPrefix.ts"
import * as http from "../../http/section.ts"
import { withMetadata, withScheme } from "../bearerChallenge.ts"
import { make, resourceOf, type Resources } from "./resources.ts"

export interface PublicAddress {
  /** The public URL, without a trailing slash. */
  readonly issuer: string
  readonly resources: Resources
  /** The host that the client named, if it is one of the resources' domains. */
  readonly host: string | null
}

export interface PublicAddresses {
  /** Domains of tokens; `undefined`: no request has a public address. */
  readonly resources: Resources | undefined
  /** The public address of a request; `peer`: the address of its connection. */
  readonly find: (request: Pick<Request, "headers">, peer: () => string) => PublicAddress | undefined
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

/**
 * The public URL is `server.public_url`. Without it, a trusted proxy names the host, which must be one of
 * `server.allowed_hosts`, so that issuers are few and stay the same. It is never derived from the Host header, which callers
 * choose. `further`: hosts of the service in addition to `server.allowed_hosts`.
 */
export const publicAddresses = Effect.fnUntraced(function* (further: ReadonlyArray<string>) {
  const { allowed_hosts, public_url, trusted_proxies } = yield* (yield* ConfigSource).read(http.section)
  const hosts = [...allowed_hosts, ...further].filter((host) => !isLoopbackHost(host))
  const domains = [...new Set(hosts.map((host) => host.toLowerCase()))]
  const forwarded = yield* forwardedBy(trusted_proxies)
  const scheme = public_url === undefined ? "https:" : new URL(public_url).protocol
  const origins = domains.map((domain) => new URL(`${scheme}//${domain}`).origin)
  if (public_url !== undefined) {
    const issuer = withoutSlash(public_url)
    const resources = make(issuer, domains)
    return {
      resources,
      find: (request, peer) => ({
        issuer,
        resources,
        host: forwarded(request, peer) ?? request.headers.get("host")
      }),
      origins: [new URL(issuer).origin, ...origins]
    } satisfies PublicAddresses
  }
  const known = new Map(
    (trusted_proxies.length === 0 ? [] : origins).map((issuer): readonly [string, PublicAddress] => {
      const { host } = new URL(issuer)
      return [host, { issuer, resources: make(issuer, domains), host }]
    })
  )
  return {
    resources: known.values().next().value?.resources,
    find: (request, peer) => {
      // A URL with a path prefix cannot be checked against the hosts: it must be configured.
      const host = pathPrefixOf(request.headers) === "" ? forwarded(request, peer) : undefined
      return host === undefined ? undefined : known.get(host)
    },
    origins
  } satisfies PublicAddresses
})

/** Scopes of a first token: what a client needs for most tools. Others are added when a tool needs them. */
const firstScopes = everyScope.filter((scope) => scope !== "admin")

/** Completes challenges with the metadata of the resource (RFC 9728). */
export const challenge =
  ({ find }: PublicAddresses) =>
  (given: string, request: Request, peer: () => string): string => {
    const at = find(request, peer)
    if (at === undefined) return given
    return withMetadata(
      withScheme(given, request.headers.get("authorization")),
      at.resources.metadataUrl(resourceOf(pathOf(request.url)), at.host),
      firstScopes
    )
  }
