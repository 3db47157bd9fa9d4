/** HTTP listeners on `Bun.serve`, closed with their scope: the service's listener as a layer, and additional ones. */
import { Cause, Context, Duration, Effect, Layer, type Scope } from "effect"
import * as requestRouting from "./requestRouting.ts"
import * as finishResponse from "./finishResponse.ts"
import * as HostPolicy from "./HostPolicy.ts"
import { Ids } from "../platform/Ids.ts"
import { ForwardedRequest } from "./ForwardedRequest.ts"
import { IncomingRequest } from "./IncomingRequest.ts"
import { ListenError } from "./ListenError.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"
import { trustOf } from "./loopbackTrust.ts"
import { reject } from "./responses.ts"
import { tooLarge } from "./bodyLimit.ts"
import { Routes } from "./Routes.ts"
import { retire, stop, type Lifecycle } from "./shutdown.ts"
import { Sites } from "./Sites.ts"
import * as sockets from "./webSockets.ts"

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

/** Bun's own limit for `idleTimeout`, in seconds. */
const maxIdleSeconds = 255

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

const idleSecondsOf = ({ idleTimeout }: ListenerOptions) =>
  Math.min(maxIdleSeconds, Math.ceil(Duration.toSeconds(idleTimeout ?? "10 seconds")))

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
        idleTimeout: idleSecondsOf(options),
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
  const routes = options.routes ?? (yield* Routes)
  const sites = yield* Sites
  const ids = yield* Ids
  const detail = invalidOption(options)
  if (detail !== undefined) return yield* new ListenError({ ...options, reason: "BadOption", detail })

  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const trust = trustOf(options)
  const idleSeconds = idleSecondsOf(options)
  const maxBodyBytes = Math.max(options.maxMessageBytes, options.maxBodyBytes ?? 0)
  const acceptedBytes = Math.max(options.maxMessageBytes + tolerance, maxBodyBytes)
  const lifecycle: Lifecycle = { stopping: false, retired: undefined }

  const failed = (incoming: IncomingRequest, cause: unknown): Response => {
    const { exceeded, request, requestId } = incoming
    if (exceeded !== undefined) return tooLarge(incoming, exceeded)
    // Bun has already sent 413 for a chunked body, or the client has disconnected: not an error of the handler.
    if (cause instanceof Error && cause.message === "Request body exceeded maxRequestBodySize") {
      return tooLarge(incoming, maxBodyBytes)
    }
    if (!request.signal.aborted) {
      const path = requestRouting.pathOf(request.url)
      fork(
        Effect.logError(`${request.method} ${path} failed`, Cause.die(cause)).pipe(
          Effect.annotateLogs({ request_id: requestId })
        )
      )
    }
    return reject(500, `Internal error. See the server log for request id ${requestId}.`)
  }

  const webSockets = sockets.make(options.maxMessageBytes, (cause) => {
    fork(Effect.logError("a WebSocket handler failed", Cause.die(cause)))
  })
  const route = requestRouting.make({ listener: options, routes, sites, maxBodyBytes, acceptedBytes })
  const finish = finishResponse.make({ listener: options, failed, isStopping: () => lifecycle.stopping })

  const fetch = (request: Request, server: Bun.Server<sockets.Upgraded>) => {
    const incoming =
      options.socket === undefined
        ? new IncomingRequest(request, server, ids, trust, idleSeconds)
        : new ForwardedRequest(request, server, ids, trust, idleSeconds)
    options.observer?.began()
    try {
      const response = route(incoming)
      if (!(response instanceof Promise)) return finish(incoming, response)
      return response.then(
        (settled) => finish(incoming, settled),
        (cause) => finish(incoming, failed(incoming, cause))
      )
    } catch (cause) {
      return finish(incoming, failed(incoming, cause))
    }
  }

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
