/** Sites (virtual hosts): proxied and other whole hosts, selected by the Host header before any route. */
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import { canonicalHost, parseHost, withoutDot } from "./hosts.ts"
import type { Handler } from "./Routes.ts"

/**
 * Serves every path of its hosts. A request for a site skips the host allow-list, the Origin check and CORS: the site
 * decides. It is selected by Host; the TLS server name (SNI) is not compared.
 */
export interface Site<Data = never> extends Handler<Data> {
  /** `app.example.com`, or `*.example.com` for all subdomains at any depth. No port; case-insensitive. */
  readonly hosts: ReadonlyArray<string>
  /** Default true: sends responses without compression and security headers. */
  readonly raw?: boolean
  /** Whether each request needs a sign-in or a token. */
  readonly isProtected?: boolean
  /** Largest request body in bytes; default and maximum is the listener's `maxBodyBytes`. Larger ones get 413. */
  readonly maxBodyBytes?: number
}

/** Sites that change often, such as those of a table: asked for hosts that no added site has. */
export interface SiteSource {
  /** The site of a host name in lower case, without port and trailing dot. Its result is cached until a change. */
  readonly find: (name: string) => AnySite | undefined
  /** Runs at shutdown, as that of a site. */
  readonly drain: Effect.Effect<void>
}

export interface AddedSource {
  /** `find` would now return other sites. */
  readonly changed: () => void
  /** All sites are known now. Until then, requests for unknown hosts wait. */
  readonly loaded: () => void
}

/** Sites with the type of their socket data erased: the listener does not read it. */
export type AnySite = Site<unknown>

export class HostTaken extends Schema.TaggedError<HostTaken>()("HostTaken", {
  reason: Schema.Literals(["taken", "malformed"]),
  host: Schema.String
}) {
  override get message() {
    return this.reason === "taken"
      ? `Two sites have the host ${this.host}. Remove it from one of them.`
      : `"${this.host}" is not a host name. Use app.example.com or *.example.com, without scheme, port or path.`
  }
}

/** Most cached lookups. A full cache is cleared. */
const maxCached = 1024

/** Milliseconds for which requests wait for the source. */
const longestLoading = 5000

export class Sites extends Context.Service<
  Sites,
  {
    /** Serves the site while the scope is open. Adds all of its hosts or none. */
    readonly add: <Data = never>(site: Site<Data>) => Effect.Effect<void, HostTaken, Scope.Scope>
    /** The site of a Host header: exact match, else the longest wildcard. `undefined`: the listener's own routes. */
    readonly findUnsafe: (host: string | null) => AnySite | undefined
    /** Adds a source while the scope is open; there is at most one. */
    readonly addSource: (source: SiteSource) => Effect.Effect<AddedSource, never, Scope.Scope>
    /** Resolves when the source is loaded, with false after 5 seconds; `undefined`: it is loaded, or there is none. */
    readonly loadingUnsafe: () => Promise<boolean> | undefined
    /** What runs at shutdown. */
    readonly drains: Effect.Effect<ReadonlyArray<Effect.Effect<void>>>
  }
>()("manifold/http/Sites") {
  static readonly layer = Layer.sync(Sites, () => {
    /** By canonical pattern. */
    const byHost = new Map<string, AnySite>()
    const cache = new Map<string, AnySite | undefined>()

    let source: SiteSource | undefined
    let loading: Promise<boolean> | undefined

    const match = (value: string): AnySite | undefined => {
      const host = parseHost(value)
      if (host === undefined) return undefined
      const name = withoutDot(host.name)
      const exact = byHost.get(name)
      if (exact !== undefined) return exact
      for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
        const site = byHost.get(`*${name.slice(dot)}`)
        if (site !== undefined) return site
      }
      return source?.find(name)
    }

    const insert = (site: AnySite, hosts: ReadonlyArray<string>) => {
      for (const host of hosts) byHost.set(host, site)
      cache.clear()
    }
    const remove = (hosts: ReadonlyArray<string>) => {
      for (const host of hosts) byHost.delete(host)
      cache.clear()
    }

    const check = (site: AnySite): HostTaken | ReadonlyArray<string> => {
      const hosts: Array<string> = []
      for (const host of site.hosts) {
        const name = canonicalHost(host)
        if (name === undefined) return new HostTaken({ reason: "malformed", host })
        if (byHost.has(name) || hosts.includes(name)) return new HostTaken({ reason: "taken", host: name })
        hosts.push(name)
      }
      return hosts
    }

    return Sites.of({
      add: <Data>(given: Site<Data>) => {
        const site: AnySite = given
        return Effect.asVoid(
          Effect.acquireRelease(
            Effect.suspend(() => {
              const hosts = check(site)
              if (hosts instanceof HostTaken) return Effect.fail(hosts)
              insert(site, hosts)
              return Effect.succeed(hosts)
            }),
            (hosts) => Effect.sync(() => remove(hosts))
          )
        )
      },
      findUnsafe: (host) => {
        if (host === null || (byHost.size === 0 && source === undefined)) return undefined
        const cached = cache.get(host)
        if (cached !== undefined || cache.has(host)) return cached
        const site = match(host)
        if (cache.size >= maxCached) cache.clear()
        if (host.length <= 260) cache.set(host, site)
        return site
      },
      addSource: (given) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const { promise, resolve } = Promise.withResolvers<boolean>()
            source = given
            loading = promise
            return {
              changed: () => cache.clear(),
              loaded: () => {
                loading = undefined
                resolve(true)
              }
            }
          }),
          () =>
            Effect.sync(() => {
              source = undefined
              loading = undefined
              cache.clear()
            })
        ),
      loadingUnsafe: () => loading && Promise.race([loading, Bun.sleep(longestLoading).then(() => false)]),
      drains: Effect.sync(() =>
        [...new Set(byHost.values()), ...(source === undefined ? [] : [source])].flatMap(({ drain }) =>
          drain === undefined ? [] : [drain]
        )
      )
    })
  })
}
