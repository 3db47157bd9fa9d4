/** The one listener: `Bun.serve` as a scoped layer, with the checks that come before any route. */
import { Cause, Context, Duration, Effect, Layer } from "effect"
import * as answers from "./responseHeaders.ts"
import * as Compression from "./compression.ts"
import * as Cors from "./cors.ts"
import * as HostPolicy from "./HostPolicy.ts"
import { Ids } from "../platform/Ids.ts"
import { Incoming } from "./Incoming.ts"
import { ListenError } from "./ListenError.ts"
import { reject } from "./responses.ts"
import { type AnyRoute, Routes } from "./Routes.ts"
import * as sockets from "./webSockets.ts"

/** Counts requests; told synchronously, on the path of each. */
export interface RequestObserver {
  readonly began: () => void
  /** The answer begins, after so many milliseconds; 101 for a WebSocket. */
  readonly answered: (method: string, status: number, millis: number) => void
}

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
  /** Run first when the listener stops, before anything is refused or drained. */
  readonly onStop?: Effect.Effect<void>
  /** How long everything is still served after `onStop`, for load balancers to look elsewhere; default not at all. */
  readonly drainDelay?: Duration.Input
  /** PEM. Adds HTTP/2 by ALPN. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Whether HTTP/3 is served on the same port's UDP as well; only with `tls`. */
  readonly http3?: boolean
  readonly observer?: RequestObserver
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

/** More than this, in bytes, is not read for nothing. */
const mostUnread = 64 * 1024

/**
 * Whether a body waits that its route did not want. Over HTTP/2, answering before it came ends in RST_STREAM(NO_ERROR)
 * (RFC 9113, section 8.1), for which older clients, curl 7.88 among them, throw the answer away.
 */
const isUnread = (request: Request): boolean => {
  if (request.method === "GET" || request.bodyUsed) return false
  const length = Number(request.headers.get("content-length"))
  return length > 0 && length <= mostUnread
}

const urlOf = (server: Bun.Server<sockets.Upgraded>, { hostname, tls }: ListenerOptions) => {
  const host = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname
  return `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${server.port}`
}

const serve = Effect.fnUntraced(function* (options: ListenerOptions) {
  const routes = yield* Routes
  const ids = yield* Ids
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const door = { ...options, secure: options.tls !== undefined }
  const mistake = HostPolicy.mistake(door)
  if (mistake !== undefined) {
    return yield* new ListenError({ ...options, reason: "BadOption", detail: mistake })
  }
  if (options.http3 === true && options.tls === undefined) {
    return yield* new ListenError({
      ...options,
      reason: "BadOption",
      detail: "server.http3 needs server.tls: HTTP/3 is always encrypted"
    })
  }
  const { host: checkHost, origin: checkOrigin } = HostPolicy.make(door)

  const secure = answers.secure(door.secure)

  const report = (what: string, cause: unknown) => {
    fork(Effect.logError(what, Cause.die(cause)))
  }
  const webSockets = sockets.make(options.maxMessageBytes, (cause) =>
    report("a WebSocket handler failed", cause)
  )

  const failed = (request: Request, path: string, cause: unknown): Response => {
    // Bun has said 413 to a chunked body, or nobody is there any more: not the handler's fault.
    if (cause instanceof Error && cause.message === "Request body exceeded maxRequestBodySize") {
      return reject(413, `A message has at most ${options.maxMessageBytes} bytes.`)
    }
    if (!request.signal.aborted) report(`${request.method} ${path} failed`, cause)
    return reject(500, "Internal error.")
  }

  let stopping = false

  const dispatch = (incoming: Incoming): ReturnType<AnyRoute["fetch"]> => {
    const { request } = incoming
    if (request.method === "CONNECT" || request.method === "TRACE") {
      return reject(405, `${request.method} is not served.`, { allow: "GET, POST, DELETE, OPTIONS" })
    }
    const path = pathOf(request.url)
    const route = routes.findUnsafe(path)
    if (route === undefined) return reject(404, "Nothing is served at this path.")
    incoming.route = route
    try {
      return route.fetch(request, incoming)
    } catch (cause) {
      return failed(request, path, cause)
    }
  }

  const admit = (incoming: Incoming): ReturnType<AnyRoute["fetch"]> => {
    const { request } = incoming
    const host = request.headers.get("host")
    const foreign = checkHost(host)
    if (foreign !== undefined) return foreign
    const origin = request.headers.get("origin")
    if (origin === null) return dispatch(incoming)
    const standing = checkOrigin(origin, host ?? "")
    if (standing instanceof Response) return standing
    if (Cors.isPreflight(request)) {
      return standing === "listed" ? Cors.preflight(request, origin) : Cors.unlisted(origin)
    }
    if (standing === "listed") incoming.origin = origin
    return dispatch(incoming)
  }

  /** Gives an answer what every answer carries. Last, because what is compressed is a new one. */
  const finish = (incoming: Incoming, response: Response): Response => {
    const { origin, request, route } = incoming
    const { headers } = response
    headers.set("x-request-id", incoming.requestId)
    if (origin !== undefined) Cors.share(headers, origin)
    if (stopping) headers.set("connection", "close")
    if (route?.raw !== true) secure(request.method, headers)
    options.observer?.answered(request.method, response.status, (Bun.nanoseconds() - incoming.began) / 1e6)
    return response
  }

  const settle = (incoming: Incoming, response: Response | undefined) => {
    const { request, route } = incoming
    if (response === undefined) {
      options.observer?.answered(request.method, 101, (Bun.nanoseconds() - incoming.began) / 1e6)
      return undefined
    }
    const final = route?.raw === true ? response : Compression.apply(request, response)
    if (final instanceof Promise) {
      return final.then(
        (whole) => finish(incoming, whole),
        (cause) => finish(incoming, failed(request, pathOf(request.url), cause))
      )
    }
    return finish(incoming, final)
  }

  const complete = (incoming: Incoming, response: Response | undefined) => {
    if (options.tls === undefined || !isUnread(incoming.request)) return settle(incoming, response)
    const gone = () => settle(incoming, response)
    return incoming.request.arrayBuffer().then(gone, gone)
  }

  const fetch = (request: Request, server: Bun.Server<sockets.Upgraded>) => {
    const incoming = new Incoming(request, server, ids)
    options.observer?.began()
    const answer = admit(incoming)
    if (!(answer instanceof Promise)) return complete(incoming, answer)
    return answer.then(
      (response) => complete(incoming, response),
      (cause) => complete(incoming, failed(request, pathOf(request.url), cause))
    )
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
        ...(options.tls !== undefined && { tls: options.tls, http2: true, http3: options.http3 ?? false }),
        fetch,
        websocket: webSockets.handlers
      }),
    catch: (cause) => ListenError.from(cause, options)
  })

  /** Says so, accepts nothing more, lets what runs end for as long as allowed, then cuts the rest: their signals fire. */
  const stop = (server: Bun.Server<sockets.Upgraded>) =>
    Effect.gen(function* () {
      stopping = true
      yield* options.onStop ?? Effect.void
      yield* Effect.sleep(options.drainDelay ?? 0)
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
    url: urlOf(server, options),
    sockets: () => server.pendingWebSockets
  }
})

/** Where the program is reached; `url` has no slash at its end. */
export class Listener extends Context.Service<
  Listener,
  {
    readonly url: string
    readonly hostname: string
    readonly port: number
    /** How many WebSockets are open. */
    readonly sockets: () => number
  }
>()("manifold/http/Listener") {
  /**
   * Listens while the layer lives. Build it on top of the layers that contribute routes, so that it stops before they
   * are taken down.
   */
  static readonly layer = (options: ListenerOptions): Layer.Layer<Listener, ListenError, Routes | Ids> =>
    Layer.effect(Listener, serve(options))
}
