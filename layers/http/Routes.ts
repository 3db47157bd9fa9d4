/** What is served under which path: layers contribute routes for as long as their scope is open. */
import { Context, Effect, Layer, Schema, type Scope } from "effect"

/** One open WebSocket. */
export interface Socket<Data> {
  /** What `Connection.upgrade` was given. */
  readonly data: Data
  /** Bytes that wait because the client reads slowly. */
  readonly waiting: () => number
  /** Text as a text frame, bytes as a binary frame. False when the socket is closed or gave up on a slow client. */
  readonly send: (message: string | Uint8Array<ArrayBuffer>) => boolean
  /** RFC 6455, section 7.4: 1000 done, 1001 going away, 1008 policy, 1011 internal error, 1013 try again later. */
  readonly close: (code?: number, reason?: string) => void
}

/** Handlers of a route's WebSockets; one that throws closes its socket with 1011. */
export interface SocketHandlers<Data> {
  open?(socket: Socket<Data>): void
  /** Text frames come as strings, binary ones as bytes; at most `maxMessageBytes` long. */
  message(socket: Socket<Data>, message: string | Uint8Array): void
  /** What waited was sent. */
  drain?(socket: Socket<Data>): void
  close?(socket: Socket<Data>, code: number, reason: string): void
}

/** Where a request came from, and what can be done with its connection. */
export interface Connection<Data = never> {
  /** The peer's IP address; empty when it is already gone. */
  readonly address: string
  /** Whether the peer is this machine. A reverse proxy on this machine is, too. */
  readonly loopback: boolean
  /** What the caller's `X-Request-Id` says, else a new one; the answer repeats it. */
  readonly requestId: string
  /** Lifts the idle time limit from this request. To be called after the body was read, or a slow body has no limit. */
  readonly keepOpen: () => void
  /** Makes a WebSocket of the request; then the handler returns `undefined`. False: it was no upgrade request. */
  readonly upgrade: (data: Data, headers?: Record<string, string>) => boolean
}

export interface Route<Data = never> {
  /** Each is exact (`/mcp`), or covers everything below a folder (`/docs/*`). Compared as sent, without decoding. */
  readonly paths: ReadonlyArray<string>
  /** Answers one request whose Host and Origin have been checked. What it throws is logged and answered with 500. */
  fetch(request: Request, connection: Connection<Data>): Response | undefined | Promise<Response | undefined>
  readonly websocket?: SocketHandlers<Data>
  /**
   * Answers go out as they are, neither compressed nor under our security headers: for what is passed on from another
   * server, and for text that is streamed. (Event streams and NDJSON are never held back.)
   */
  readonly raw?: boolean
  /** Run when the listener stops, to end what would not end by itself. */
  readonly drain?: Effect.Effect<void>
}

export class RouteTaken extends Schema.TaggedError<RouteTaken>()("RouteTaken", { path: Schema.String }) {
  override get message() {
    return `two routes claim ${this.path}: give one of them another path`
  }
}

/** Routes differ in what they give their sockets; to the listener it is opaque. */
export type AnyRoute = Route<unknown>

export class Routes extends Context.Service<
  Routes,
  {
    /** Serves the route while the scope is open. All of its paths, or none. */
    readonly add: <Data = never>(route: Route<Data>) => Effect.Effect<void, RouteTaken, Scope.Scope>
    /** The route of a path: an exact one, else the one with the longest prefix. */
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
