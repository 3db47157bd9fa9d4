/** Protected resources (RFC 8707, RFC 9728) of the service: each path that takes access tokens, on each of its domains. */
import type { Credentials } from "../CredentialVerifier.ts"

/** Paths of the resources; each route authenticates for one of them (`Credentials.resource`). */
export const resourcePaths: ReadonlyArray<Credentials["resource"]> = [
  "/mcp",
  "/mcp/sse",
  "/mcp/ws",
  "/ws/chat",
  "/chat",
  "/"
]

/** The resource that the path of a request belongs to. */
export const resourceOf = (path: string): Credentials["resource"] => {
  if (resourcePaths.includes(path)) return path
  const root = resourcePaths.find((each) => each.lastIndexOf("/") === 0 && path.startsWith(`${each}/`))
  return root ?? "/"
}

/** The resource of clients that name none. */
const defaultPath = "/mcp"

/** RFC 9728, section 3.1: inserted between host and path. */
export const metadataPath = "/.well-known/oauth-protected-resource"

/** A URL without a trailing slash, so that a host and its root path are the same. */
const withoutSlash = (url: string) => url.replace(/\/+$/, "")

export interface Resources {
  /** The canonical identifier of one of our resources; `undefined` for a foreign one. */
  readonly find: (identifier: string) => string | undefined
  /** The identifier of a path on the domain of the Host header, else on the public URL. */
  readonly identifier: (path: string, host: string | null) => string
  /** URL of any path on the same domain. */
  readonly url: (path: string, host: string | null) => string
  /** Identifiers of a path on all domains. */
  readonly identifiers: (path: string) => ReadonlyArray<string>
  /** URL of the metadata of the same resource. */
  readonly metadataUrl: (path: string, host: string | null) => string
  readonly default: string
  /** The same resources for an issuer on another of their hosts. */
  readonly on: (host: string) => Resources
}

/** What verifiers of tokens need to know of resources. */
export type Audiences = Pick<Resources, "identifiers">

/** Values of `aud` that a request for a resource accepts: its path, or the origin of an application of the reverse proxy. */
export const audiencesOf = (resources: Audiences, resource: string): ReadonlyArray<string> =>
  resource.startsWith("/") ? resources.identifiers(resource) : [resource, ...resources.identifiers("/")]

/** With applications, whose identifier is their origin. `isApplication`: whether one has the host. */
export const withApplications = (
  resources: Resources,
  isApplication: (host: string) => boolean
): Resources => ({
  ...resources,
  find: (identifier) => {
    const found = resources.find(identifier)
    if (found !== undefined) return found
    const url = URL.parse(identifier)
    const isOrigin = url?.protocol === "https:" && withoutSlash(url.href) === url.origin
    return isOrigin && isApplication(url.host) ? url.origin : undefined
  }
})

/** Resources of several schemes or paths. */
export const union = (all: ReadonlyArray<Audiences>): Audiences => ({
  identifiers: (path) => [...new Set(all.flatMap((each) => each.identifiers(path)))]
})

/**
 * `publicUrl`: URL of the service, without a trailing slash. `domains`: its other hosts (`server.allowed_hosts`), which have
 * the same scheme and path.
 */
export const make = (publicUrl: string, domains: ReadonlyArray<string>): Resources => {
  const { host: firstHost, pathname, protocol } = new URL(publicUrl)
  const prefix = withoutSlash(pathname)
  const originOf = (host: string) => `${protocol}//${host}`
  const hosts = new Set([firstHost, ...domains.map((domain) => domain.toLowerCase())])
  const known = new Map<string, string>()
  const at = (host: string, path: string) => withoutSlash(`${originOf(host)}${prefix}${path}`)
  for (const host of hosts) for (const path of resourcePaths) known.set(at(host, path), path)
  const identifiers = (path: string) =>
    [...known].flatMap(([identifier, of]) => (of === path ? [identifier] : []))
  const on = (publicHost: string): Resources => {
    /** The configured domain of a Host header. */
    const domainOf = (host: string | null) => {
      const given = host?.toLowerCase()
      return given !== undefined && hosts.has(given) ? given : publicHost
    }
    return {
      on,
      find: (identifier) => {
        const url = URL.parse(identifier)
        if (url === null || url.search !== "" || url.hash !== "") return undefined
        const canonical = withoutSlash(url.href)
        return known.has(canonical) ? canonical : undefined
      },
      identifiers,
      identifier: (path, host) => at(domainOf(host), path),
      url: (path, host) => `${originOf(domainOf(host))}${prefix}${path}`,
      // Below the path of the public URL, which a proxy may be limited to.
      metadataUrl: (path, host) =>
        `${originOf(domainOf(host))}${prefix}${metadataPath}${path === "/" ? "" : path}`,
      default: at(publicHost, defaultPath)
    }
  }
  return on(firstHost)
}
