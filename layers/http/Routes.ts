/** Routes by path: layers add routes, which are served while their scope is open. */
import { Context, Effect, Layer, Schema, type Scope } from "effect"

import type { Quota } from "../quotas/Quota.ts"

/** One open WebSocket. */
export interface Socket<Data> {
  /** The `data` passed to `Connection.upgrade`. */
  readonly data: Data
  /** Buffered bytes that a slow client has not read. */
  readonly waiting: () => number
  /** Text as a text frame, bytes as a binary frame. False when the socket is closed, or closes because the client reads too slowly. */
  readonly send: (message: string | Uint8Array<ArrayBuffer>) => boolean
  /** RFC 6455, section 7.4: 1000 done, 1001 going away, 1008 policy, 1011 internal error, 1013 try again later. */
  readonly close: (code?: number, reason?: string) => void
  /** Drops the connection and its buffer, for clients that do not read and so never see a close frame. */
  readonly terminate: () => void
}

/** Handlers of a route's WebSockets; one that throws closes its socket with 1011. */
export interface SocketHandlers<Data> {
  open?(socket: Socket<Data>): void
  /** Text frames come as strings, binary ones as bytes; at most `maxMessageBytes` long. */
  message(socket: Socket<Data>, message: string | Uint8Array): void
  /** The buffer was sent. */
  drain?(socket: Socket<Data>): void
  close?(socket: Socket<Data>, code: number, reason: string): void
}

/** The connection of one request: peer, trust, request id, and upgrade to WebSocket. */
export interface Connection<Data = never> {
  /** The peer's IP address; empty when it has disconnected. */
  readonly address: string
  /**
   * Whether the request counts as local and needs no token: loopback peer, loopback Host and no forwarding header, on a
   * listener that trusts loopback. Read it only when needed: it reads several headers.
   */
  readonly loopback: boolean
  /** Whether the request came over a TLS listener of this service, so that its Host is a name on `https`. */
  readonly encrypted: boolean
  /** A valid `X-Request-Id` of the request, else a new id. In the response header; use it in logs, traces and errors. */
  readonly requestId: string
  /**
   * Disables the idle time-out until the response begins, and for all of an event stream. Call it after the body was
   * read, otherwise a slow body has no time-out.
   */
  readonly keepOpen: () => void
  /** Restores the idle time-out, for clients that do not read the rest of the response. */
  readonly limitIdle: () => void
  /** Closes the connection within seconds if its client does not read; buffered data is dropped. */
  readonly cut: () => void
  /** Charges a large response to the quota of `owner` (a principal's key) until the client has read it; 503 when the quota is reached. */
  readonly charge: (quota: Quota, owner: string) => void
  /** Upgrades to a WebSocket; then the handler returns `undefined`. False: not an upgrade request. */
  readonly upgrade: (data: Data, headers?: Record<string, string>) => boolean
}

/** The common part of routes and sites. */
export interface Handler<Data = never> {
  /** Responds to one request. A thrown error is logged and becomes a 500. */
  fetch(request: Request, connection: Connection<Data>): Response | undefined | Promise<Response | undefined>
  readonly websocket?: SocketHandlers<Data>
  /** The response to a body beyond the limit of `maxBytes`. Default: an error in JSON-RPC's form. */
  readonly tooLarge?: (maxBytes: number) => Response
  /** Runs at shutdown, to end long-lived streams and sockets. */
  readonly drain?: Effect.Effect<void>
}

export interface Route<Data = never> extends Handler<Data> {
  /** Exact paths (`/mcp`) and prefixes (`/docs/*`), compared without decoding. */
  readonly paths: ReadonlyArray<string>
  /**
   * Sends responses without compression and security headers, for proxied responses and streamed text. (Event streams and
   * NDJSON are never buffered.) Default false.
   */
  readonly raw?: boolean
  /**
   * Serves GET and HEAD under any Host and without one, for probes of load balancers and orchestrators. Only for public
   * responses. Default false.
   */
  readonly anyHost?: boolean
}

export class RouteTaken extends Schema.TaggedError<RouteTaken>()("RouteTaken", { path: Schema.String }) {
  override get message() {
    return `Two routes have the path ${this.path}. Change one of them.`
  }
}

/** Handlers with the type of their socket data erased: the listener does not read it. */
export type AnyHandler = Handler<unknown>
export type AnyRoute = Route<unknown>

export class Routes extends Context.Service<
  Routes,
  {
    /** Serves the route while the scope is open. Adds all of its paths or none. */
    readonly add: <Data = never>(route: Route<Data>) => Effect.Effect<void, RouteTaken, Scope.Scope>
    /** The route of a path: an exact match, else the longest prefix. */
    readonly findUnsafe: (path: string) => AnyRoute | undefined
    readonly all: Effect.Effect<ReadonlyArray<AnyRoute>>
  }
>()("manifold/http/Routes") {
  static readonly layer = Layer.sync(Routes, () => {
    const exact = new Map<string, AnyRoute>()
    /** `[/docs/, route]`, the longest first. */
    let prefixes: ReadonlyArray<readonly [string, AnyRoute]> = []
    const routes = new Set<AnyRoute>()

    const isPrefix = (path: string) => path.endsWith("/*")
    const toPrefix = (path: string) => path.slice(0, -1)
    const isTaken = (path: string) =>
      isPrefix(path) ? prefixes.some(([prefix]) => prefix === toPrefix(path)) : exact.has(path)

    const insert = (route: AnyRoute) => {
      routes.add(route)
      for (const path of route.paths) if (!isPrefix(path)) exact.set(path, route)
      const added = route.paths.filter(isPrefix).map((path) => [toPrefix(path), route] as const)
      prefixes = [...prefixes, ...added].toSorted(([a], [b]) => b.length - a.length)
    }
    const remove = (route: AnyRoute) => {
      routes.delete(route)
      for (const path of route.paths) if (!isPrefix(path)) exact.delete(path)
      prefixes = prefixes.filter(([, other]) => other !== route)
    }

    return Routes.of({
      add: <Data>(given: Route<Data>) => {
        const route: AnyRoute = given
        return Effect.acquireRelease(
          Effect.suspend(() => {
            const taken = route.paths.find(
              (path, index) => isTaken(path) || route.paths.indexOf(path) !== index
            )
            if (taken !== undefined) return Effect.fail(new RouteTaken({ path: taken }))
            insert(route)
            return Effect.void
          }),
          () => Effect.sync(() => remove(route))
        )
      },
      findUnsafe: (path) => {
        const found = exact.get(path)
        if (found !== undefined || prefixes.length === 0) return found
        return prefixes.find(([prefix]) => path.startsWith(prefix))?.[1]
      },
      all: Effect.sync(() => [...routes])
    })
  })
}
