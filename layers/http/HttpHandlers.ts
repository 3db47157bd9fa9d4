/** The requests and WebSockets of the service as handlers for a `Bun.serve` of the program that it is part of. */
import { Context, Effect, Layer } from "effect"
import * as HostPolicy from "./HostPolicy.ts"
import type { Ids } from "../platform/Ids.ts"
import type { ServingServer } from "./IncomingRequest.ts"
import { ListenError } from "./ListenError.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"
import * as requestHandlers from "./requestHandlers.ts"
import { reject } from "./responses.ts"
import type { Routes } from "./Routes.ts"
import { leave } from "./shutdown.ts"
import type { Sites } from "./Sites.ts"

/** The part of Bun's `ServerWebSocket` that is used. Its data is ours. */
export interface ServedSocket {
  data: unknown
  getBufferedAmount(): number
  send(message: string, compress?: boolean): number
  close(code?: number, reason?: string): void
  terminate(): void
}

/** The option `websocket` of `Bun.serve`. */
export interface SocketOptions {
  readonly maxPayloadLength?: number
  readonly perMessageDeflate?: boolean
  readonly backpressureLimit?: number
  readonly closeOnBackpressureLimit?: boolean
  open?(socket: ServedSocket): void
  message(socket: ServedSocket, message: string | Uint8Array<ArrayBuffer>): void
  drain?(socket: ServedSocket): void
  close?(socket: ServedSocket, code: number, reason: string): void
}

export class HttpHandlers extends Context.Service<
  HttpHandlers,
  {
    /** Pass the server that calls it. Undefined: the request became a WebSocket. After the layer's end the response is 503. */
    readonly fetch: (
      request: Request,
      server: ServingServer
    ) => Response | undefined | Promise<Response | undefined>
    /** For all WebSockets of the server: those of other paths are routes of `Routes`. */
    readonly websocket: SocketOptions
    /** Open WebSockets. */
    readonly sockets: () => number
  }
>()("manifold/http/HttpHandlers") {
  /**
   * `hostname`: of the server, on whose address the allow-list of hosts depends. The peer of each request decides whether it
   * is local, whatever the server's address is. Closing the layer drains routes and sites, and closes WebSockets.
   */
  static readonly layer = (
    listener: Omit<ListenerOptions, "forward" | "http3" | "reusePort" | "shared" | "socket" | "tls">
  ): Layer.Layer<HttpHandlers, ListenError, Routes | Sites | Ids> =>
    Layer.effect(
      HttpHandlers,
      Effect.gen(function* () {
        const detail = HostPolicy.mistake(listener)
        if (detail !== undefined) return yield* new ListenError({ ...listener, reason: "BadOption", detail })
        let hasEnded = false
        const made = yield* Effect.acquireRelease(
          requestHandlers.make({
            listener,
            trust: listener.trustLoopback === false ? "never" : "peer",
            acceptedBytes: Number.POSITIVE_INFINITY
          }),
          ({ lifecycle, routes, sites, webSockets: { closeAll } }) =>
            Effect.ensuring(
              leave({ listener, lifecycle, routes, sites, closeSockets: closeAll }),
              Effect.sync(() => {
                hasEnded = true
              })
            )
        )
        return HttpHandlers.of({
          fetch: (request, server) =>
            hasEnded
              ? reject(503, "The service has stopped.", { "retry-after": "1" })
              : made.fetch(request, server),
          websocket: made.webSockets.handlers,
          sockets: made.webSockets.count
        })
      })
    )
}
