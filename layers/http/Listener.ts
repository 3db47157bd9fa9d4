/** HTTP listeners on `Bun.serve`, closed with their scope: the service's listener as a layer, and additional ones. */
import { Context, Effect, Layer, type Scope } from "effect"
import * as HostPolicy from "./HostPolicy.ts"
import type { Ids } from "../platform/Ids.ts"
import { ListenError } from "./ListenError.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"
import { trustOf } from "./loopbackTrust.ts"
import * as requestHandlers from "./requestHandlers.ts"
import type { Routes } from "./Routes.ts"
import { retire, stop } from "./shutdown.ts"
import type { Sites } from "./Sites.ts"
import type * as sockets from "./webSockets.ts"

export interface OpenListener {
  /** Without a trailing slash. */
  readonly url: string
  readonly hostname: string
  readonly port: number
  /** Open WebSockets. */
  readonly sockets: () => number
  /**
   * Stops accepting connections. Open ones continue until they end or the scope closes, and nothing is drained. For a
   * listener that another one on the same port replaces, such as one with a new certificate.
   */
  readonly retire: Effect.Effect<void>
  /** Completes when the listener was retired and its last connection has ended. */
  readonly ended: Effect.Effect<void>
}

/**
 * Bodies of routes may exceed their limit by this many bytes before Bun rejects them: its 413 is empty, ours says what the
 * limit is. The routes never read more than their limit, and Bun reads no further than its handler.
 */
const tolerance = 64 * 1024 * 1024

const urlOf = (port: number, { hostname, tls }: ListenerOptions) => {
  const host = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname
  return `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}`
}

/** The error message for invalid options, for the operator. */
const invalidOption = (options: ListenerOptions) =>
  options.http3 === true && options.tls === undefined
    ? "server.http3 requires server.tls: HTTP/3 is always encrypted"
    : HostPolicy.mistake(options)

interface ServeHandlers {
  readonly fetch: (
    request: Request,
    server: Bun.Server<sockets.Upgraded>
  ) => Response | undefined | Promise<Response | undefined>
  readonly websocket: Bun.WebSocketHandler<sockets.Upgraded>
}

/** Bun selects by `serverName`, and uses the first certificate for all other names. */
const tlsOf = (tls: NonNullable<ListenerOptions["tls"]>): Bun.TLSOptions | Array<Bun.TLSOptions> =>
  "fallback" in tls ? [{ ...tls.fallback }, ...tls.named] : { ...tls }

const bind = (options: ListenerOptions, handlers: ServeHandlers, maxBodyBytes: number) =>
  Effect.try({
    try: () => {
      const common = {
        maxRequestBodySize: maxBodyBytes,
        development: false,
        ...handlers
      }
      if (options.socket !== undefined)
        return Bun.serve<sockets.Upgraded>({ ...common, unix: options.socket })
      return Bun.serve<sockets.Upgraded>({
        ...common,
        hostname: options.hostname,
        port: options.port,
        idleTimeout: requestHandlers.idleSecondsOf(options),
        // Without it and `development: false`, Bun shares the port with other programs.
        reusePort: options.reusePort === true || options.shared === true,
        ...(options.tls !== undefined && {
          tls: tlsOf(options.tls),
          http2: true,
          http3: options.http3 ?? false
        })
      })
    },
    catch: (cause) => ListenError.from(cause, options)
  })

/** Fails if another program listens on the address, which `reusePort` would not detect. Returns the port. */
const exclusive = (options: ListenerOptions): Effect.Effect<number, ListenError> =>
  Effect.flatMap(
    bind(
      { ...options, reusePort: false, shared: false },
      { fetch: () => new Response(null, { status: 503 }), websocket: { message: () => {} } },
      1
    ),
    (server) => {
      const port = server.port ?? options.port
      return Effect.as(
        Effect.promise(() => server.stop(true)),
        port
      )
    }
  )

const open = Effect.fnUntraced(function* (options: ListenerOptions) {
  const detail = invalidOption(options)
  if (detail !== undefined) return yield* new ListenError({ ...options, reason: "BadOption", detail })

  const maxBodyBytes = Math.max(options.maxMessageBytes, options.maxBodyBytes ?? 0)
  const acceptedBytes = Math.max(options.maxMessageBytes + tolerance, maxBodyBytes)
  const { fetch, lifecycle, routes, sites, webSockets } = yield* requestHandlers.make({
    listener: options,
    trust: trustOf(options),
    acceptedBytes
  })

  const server = yield* Effect.acquireRelease(
    bind(options, { fetch, websocket: webSockets.handlers }, acceptedBytes),
    stop({ listener: options, lifecycle, routes, sites, closeSockets: webSockets.closeAll })
  )
  const port = server.port ?? options.port
  return {
    hostname: options.hostname,
    port,
    url: urlOf(port, options),
    sockets: () => server.pendingWebSockets,
    retire: retire(server, lifecycle),
    ended: Effect.suspend(() => Effect.promise(() => lifecycle.retired ?? Promise.resolve()))
  } satisfies OpenListener
})

/** The service's own listener. */
export class Listener extends Context.Service<Listener, OpenListener>()("manifold/http/Listener") {
  /**
   * Listens while the layer lives. Build it on top of the layers that add routes and sites, so that it stops before they
   * are taken down.
   */
  static readonly layer = (
    options: ListenerOptions
  ): Layer.Layer<Listener, ListenError, Routes | Sites | Ids> => Layer.effect(Listener, open(options))

  /**
   * Opens a further listener while the scope is open: another port, another certificate, or separate routes. Its end
   * drains all routes and sites that it serves; `retire` it first where another listener goes on serving them.
   */
  static readonly open: (
    options: ListenerOptions
  ) => Effect.Effect<OpenListener, ListenError, Scope.Scope | Routes | Sites | Ids> = open

  /** Fails if another program listens on the address, also one that would share it (`reusePort`). Returns the port. */
  static readonly exclusive = exclusive
}
