/** Handles the requests and WebSockets of a server: routing, request ids, errors, and the state of its shutdown. */
import { Cause, Duration, Effect } from "effect"
import { tooLarge } from "./bodyLimit.ts"
import * as finishResponse from "./finishResponse.ts"
import { ForwardedRequest } from "./ForwardedRequest.ts"
import { IncomingRequest, type ServingServer } from "./IncomingRequest.ts"
import { Ids } from "../platform/Ids.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"
import type { LoopbackTrust } from "./loopbackTrust.ts"
import * as requestRouting from "./requestRouting.ts"
import { reject } from "./responses.ts"
import { Routes } from "./Routes.ts"
import type { Lifecycle } from "./shutdown.ts"
import { Sites } from "./Sites.ts"
import * as sockets from "./webSockets.ts"

/** Bun's own limit for `idleTimeout`, in seconds. */
const maxIdleSeconds = 255

export const idleSecondsOf = ({ idleTimeout }: ListenerOptions) =>
  Math.min(maxIdleSeconds, Math.ceil(Duration.toSeconds(idleTimeout ?? "10 seconds")))

export interface HandlingOptions {
  readonly listener: ListenerOptions
  readonly trust: LoopbackTrust
  /** Largest body that the server accepts, in bytes. */
  readonly acceptedBytes: number
}

export const make = Effect.fnUntraced(function* ({
  acceptedBytes,
  listener: options,
  trust
}: HandlingOptions) {
  const routes = options.routes ?? (yield* Routes)
  const sites = yield* Sites
  const ids = yield* Ids
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const idleSeconds = idleSecondsOf(options)
  const maxBodyBytes = Math.max(options.maxMessageBytes, options.maxBodyBytes ?? 0)
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

  const fetch = (request: Request, server: ServingServer) => {
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

  return { fetch, webSockets, lifecycle, routes, sites }
})
