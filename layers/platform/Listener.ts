/** The one listener: `Bun.serve` as a scoped layer, with the checks that come before any route. */
import { Cause, Context, Duration, Effect, Layer } from "effect"
import * as Cors from "./Cors.ts"
import * as Door from "./Door.ts"
import { isLoopback } from "./Host.ts"
import { ListenError } from "./ListenError.ts"
import { refuse } from "./refuse.ts"
import { type AnyRoute, type Connection, Routes } from "./Routes.ts"
import * as sockets from "./sockets.ts"

export interface ListenerOptions {
  /** Name or IP address to bind. Which Hosts and Origins pass depends on whether it is a loopback one. */
  readonly hostname: string
  /** 0 takes a free one. */
  readonly port: number
  /** Largest request body and WebSocket message; beyond it 413 and 1009. */
  readonly maxMessageBytes: number
  /** Host names under which clients may come, besides loopback ones: `example.com`, or `example.com:8443`. */
  readonly allowedHosts: ReadonlyArray<string>
  /** Origins whose pages may read answers. */
  readonly corsOrigins: ReadonlyArray<string>
  /**
   * How long a connection may be quiet while a body or an answer is awaited; default 10 seconds. Bun looks every 4
   * seconds, and has 10 seconds of its own for silent connections and slow headers.
   */
  readonly idleTimeout?: Duration.Input
  /** How long drains and running requests may take at the end; default 5 seconds. */
  readonly shutdownTimeout?: Duration.Input
  /** PEM. Adds HTTP/2 by ALPN. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

/** Bun's own limit for `idleTimeout`, in seconds. */
const mostIdle = 255

const pathOf = (url: string): string => {
  // Behind the scheme; a Host that passed the door has at least one character and no slash.
  const start = url.indexOf("/", 8)
  if (start === -1) return "/"
  const query = url.indexOf("?", start)
  const fragment = url.indexOf("#", start)
  const end = query === -1 ? fragment : fragment === -1 ? query : Math.min(query, fragment)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}

const toConnection = (
  request: Request,
  server: Bun.Server<sockets.Upgraded>,
  route: AnyRoute
): Connection<unknown> => ({
  get address() {
    return server.requestIP(request)?.address ?? ""
  },
  get loopback() {
    return isLoopback(this.address)
  },
  keepOpen: () => server.timeout(request, 0),
  upgrade: (data, headers) => {
    const handlers = route.websocket
    if (handlers === undefined) return false
    return server.upgrade(request, { data: { handlers, data }, ...(headers !== undefined && { headers }) })
  }
})

const urlOf = (server: Bun.Server<sockets.Upgraded>, { hostname, tls }: ListenerOptions) => {
  const host = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname
  return `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${server.port}`
}

const serve = Effect.fnUntraced(function* (options: ListenerOptions) {
  const routes = yield* Routes
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const door = { ...options, secure: options.tls !== undefined }
  const mistake = Door.mistake(door)
  if (mistake !== undefined) {
    return yield* new ListenError({ ...options, reason: "BadOption", detail: mistake })
  }
  const { host: checkHost, origin: checkOrigin } = Door.make(door)

  const report = (what: string, cause: unknown) => {
    fork(Effect.logError(what, Cause.die(cause)))
  }
  const webSockets = sockets.make(options.maxMessageBytes, (cause) =>
    report("a WebSocket handler failed", cause)
  )

  const failed = (request: Request, path: string, cause: unknown): Response => {
    // Bun has said 413 to a chunked body, or nobody is there any more: not the handler's fault.
    if (cause instanceof Error && cause.message === "Request body exceeded maxRequestBodySize") {
      return refuse(413, `A message has at most ${options.maxMessageBytes} bytes.`)
    }
    if (!request.signal.aborted) report(`${request.method} ${path} failed`, cause)
    return refuse(500, "Internal error.")
  }

  const dispatch = (request: Request, server: Bun.Server<sockets.Upgraded>) => {
    if (request.method === "CONNECT" || request.method === "TRACE") {
      return refuse(405, `${request.method} is not served.`, { allow: "GET, POST, DELETE, OPTIONS" })
    }
    const path = pathOf(request.url)
    const route = routes.findUnsafe(path)
    if (route === undefined) return refuse(404, "Nothing is served at this path.")
    try {
      const response = route.fetch(request, toConnection(request, server, route))
      return response instanceof Promise ? response.catch((cause) => failed(request, path, cause)) : response
    } catch (cause) {
      return failed(request, path, cause)
    }
  }

  const fetch = (request: Request, server: Bun.Server<sockets.Upgraded>) => {
    const host = request.headers.get("host")
    const foreign = checkHost(host)
    if (foreign !== undefined) return foreign
    const origin = request.headers.get("origin")
    if (origin === null) return dispatch(request, server)
    const standing = checkOrigin(origin, host ?? "")
    if (standing instanceof Response) return standing
    if (Cors.isPreflight(request)) {
      return standing === "listed" ? Cors.preflight(request, origin) : Cors.unlisted(origin)
    }
    const response = dispatch(request, server)
    if (standing === "own" || response === undefined) return response
    if (response instanceof Response) return Cors.share(response, origin)
    return response.then((settled) => settled && Cors.share(settled, origin))
  }

  const open = Effect.try({
    try: () =>
      Bun.serve<sockets.Upgraded>({
        hostname: options.hostname,
        port: options.port,
        maxRequestBodySize: options.maxMessageBytes,
        idleTimeout: Math.min(mostIdle, Math.ceil(Duration.toSeconds(options.idleTimeout ?? "10 seconds"))),
        development: false,
        // Bun shares the port with any other program when it is not in development.
        reusePort: false,
        ...(options.tls !== undefined && { tls: options.tls, http2: true }),
        fetch,
        websocket: webSockets.handlers
      }),
    catch: (cause) => ListenError.from(cause, options)
  })

  /** Accepts nothing more, lets what runs end for as long as allowed, then cuts the rest: their signals fire. */
  const stop = (server: Bun.Server<sockets.Upgraded>) =>
    Effect.gen(function* () {
      const stopped = server.stop(false)
      yield* Effect.gen(function* () {
        const running = yield* routes.all
        yield* Effect.forEach(
          running,
          ({ drain = Effect.void }) =>
            Effect.catchCause(drain, (cause) => Effect.logError("a route could not be drained", cause)),
          { concurrency: "unbounded", discard: true }
        )
        webSockets.closeAll()
        yield* Effect.promise(() => stopped)
      }).pipe(Effect.timeoutOption(options.shutdownTimeout ?? "5 seconds"))
      webSockets.closeAll()
      yield* Effect.promise(() => server.stop(true))
    })

  const server = yield* Effect.acquireRelease(open, stop)
  return {
    hostname: options.hostname,
    port: server.port ?? options.port,
    url: urlOf(server, options)
  }
})

/** Where the program is reached; `url` has no slash at its end. */
export class Listener extends Context.Service<
  Listener,
  { readonly url: string; readonly hostname: string; readonly port: number }
>()("manifold/platform/Listener") {
  /**
   * Listens while the layer lives. Build it on top of the layers that contribute routes, so that it stops before they
   * are taken down.
   */
  static readonly layer = (options: ListenerOptions): Layer.Layer<Listener, ListenError, Routes> =>
    Layer.effect(Listener, serve(options))
}
