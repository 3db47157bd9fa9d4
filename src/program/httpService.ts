/** The HTTP service as one layer: listener, endpoints and MCP transports. A public address requires authentication. */
import { Duration, Effect, Layer, Option } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Tickets } from "../../layers/identity/Tickets.ts"
import { Health } from "../../layers/health/Health.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { challenge } from "../../layers/identity/oauth/publicAddress.ts"
import { Domains } from "../../layers/edge/Domains.ts"
import { servedAddresses } from "../../layers/edge/servedAddresses.ts"
import * as ReverseProxy from "../../layers/edge/ReverseProxy.ts"
import * as edge from "../../layers/edge/section.ts"
import { HttpHandlers } from "../../layers/http/HttpHandlers.ts"
import type { CertificateFiles } from "../../layers/http/certificate.ts"
import * as forwardToWorker from "../../layers/http/forwardToWorker.ts"
import { Listener } from "../../layers/http/Listener.ts"
import type { ListenerOptions } from "../../layers/http/ListenerOptions.ts"
import * as TlsListener from "../../layers/http/TlsListener.ts"
import { Models } from "../../layers/models/Models.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import { Instance } from "../../layers/platform/Instance.ts"
import { Signals } from "../../layers/platform/Signals.ts"
import { removeSocket, socketOf, WorkerSlot } from "../../layers/platform/WorkerSlot.ts"
import * as http from "../../layers/http/section.ts"
import { Routes } from "../../layers/http/Routes.ts"
import { Sites } from "../../layers/http/Sites.ts"
import * as requestMetrics from "../../layers/telemetry/requestMetrics.ts"
import { Channels } from "../../layers/events/Channels.ts"
import { boundsOf } from "../../layers/transports/jsonBounds.ts"
import * as LegacySse from "../../layers/transports/LegacySse.ts"
import { Sessions } from "../../layers/transports/Sessions.ts"
import * as StreamableHttp from "../../layers/transports/StreamableHttp.ts"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import * as WebSocket from "../../layers/transports/WebSocket.ts"
import * as mcp from "../mcp/section.ts"
import type * as EdgeService from "./edgeService.ts"
import * as chatEndpoints from "../chat/endpoints.ts"
import * as health from "../http/health.ts"
import * as info from "../http/info.ts"
import * as metrics from "../http/metrics.ts"
import * as httpMetrics from "../http/httpMetrics.ts"
import * as oauth from "../http/oauth.ts"
import * as oauthCallback from "../http/oauthCallback.ts"
import * as progressChannel from "../http/progressChannel.ts"
import * as stream from "../http/stream.ts"
import * as templateMetrics from "../http/templateMetrics.ts"
import * as usage from "../http/usage.ts"
import * as usageChannel from "../http/usageChannel.ts"
import { isOfConnections } from "../rest/paths.ts"
import * as restRoutes from "../rest/restRoutes.ts"

/** Command-line flags that override the configuration. */
export interface Overrides {
  readonly host?: string
  readonly port?: number
}

/** The listeners of the edge, if `edge.https_port` is set. */
const edgeListeners = (common: Parameters<typeof EdgeService.layer>[0]) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { host, https_port } = yield* (yield* ConfigSource).read(edge.section)
      if (https_port === undefined) return Layer.empty
      yield* (yield* Authenticator).requireFor(host)
      const { layer: listeners } = yield* Effect.promise(() => import("./edgeService.ts"))
      return listeners(common)
    })
  )

/** Conversations, where the program has models; a library's server may have none. */
const chat = (limits: StreamLimits) =>
  Layer.unwrap(
    Effect.map(
      Effect.serviceOption(Models),
      Option.match({
        onNone: () => Layer.empty,
        onSome: (models) => chatEndpoints.layer(limits).pipe(Layer.provide(Layer.succeed(Models, models)))
      })
    )
  )

/** With the listener of section `server`. */
const listening = {
  front: (options: ListenerOptions, tls: CertificateFiles | undefined) =>
    tls === undefined
      ? Listener.layer(options)
      : TlsListener.layer(options, tls).pipe(Layer.provide(Signals.layer)),
  served: Layer.merge(httpMetrics.sockets(Effect.service(Listener)), oauthCallback.served)
}

/** With handlers for a server of the program. */
const handling = {
  front: (options: ListenerOptions) => HttpHandlers.layer(options),
  served: Layer.merge(httpMetrics.sockets(Effect.service(HttpHandlers)), oauthCallback.servedPublicly)
}

/** `front`: receives the requests. `served`: what needs it. */
const serviceOver = <Front, E, R, ServedE, ServedR>(
  {
    front,
    served
  }: {
    readonly front: (options: ListenerOptions, tls: CertificateFiles | undefined) => Layer.Layer<Front, E, R>
    readonly served: Layer.Layer<never, ServedE, ServedR>
  },
  overrides: Overrides
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const authenticator = yield* Authenticator
      const server = { ...(yield* config.read(http.section)), ...overrides }
      const addresses = yield* servedAddresses
      const { domains, max_body_bytes } = yield* config.read(edge.section)
      const { page_size, sessions } = yield* config.read(mcp.section)
      yield* authenticator.requireFor(server.host)
      const { drain } = yield* Health
      const slot = yield* WorkerSlot
      const instance = yield* Instance
      const logStopping = Effect.logInfo("stopping").pipe(
        Effect.annotateLogs({
          drain_delay_ms: Duration.toMillis(server.drain_delay),
          shutdown_timeout_ms: Duration.toMillis(server.shutdown_timeout)
        })
      )
      const limits = {
        maxMessageBytes: server.max_message_bytes,
        bounds: boundsOf(server),
        unreadTimeout: Duration.toMillis(sessions.unread_timeout),
        max: sessions.max,
        mostWaiting: sessions.max_waiting_bytes
      }
      const listeners = Effect.map(requestMetrics.make, (observer) => {
        const forwarded = {
          instance: instance.id,
          maxMessageBytes: server.max_message_bytes,
          maxBodyBytes: max_body_bytes,
          allowedHosts: [
            ...server.allowed_hosts,
            ...domains,
            ...(server.public_url === undefined ? [] : [new URL(server.public_url).host])
          ],
          corsOrigins: server.cors_origins,
          idleTimeout: server.idle_timeout,
          shutdownTimeout: server.shutdown_timeout,
          onStop: Effect.andThen(drain, logStopping),
          drainDelay: server.drain_delay,
          challenge: challenge(addresses),
          ownOrigins: addresses.origins
        }
        const common = {
          ...forwarded,
          observer,
          ...(slot !== undefined && {
            shared: true,
            forward: forwardToWorker.make({ slot, isOfFirst: isOfConnections })
          })
        }
        const options = { ...common, hostname: server.host, port: server.port, http3: server.http3 }
        return Layer.mergeAll(
          front(options, server.tls),
          edgeListeners({ ...common, onStop: drain }),
          slot === undefined
            ? Layer.empty
            : Layer.effectDiscard(
                Listener.open({
                  ...forwarded,
                  hostname: server.host,
                  port: 0,
                  socket: socketOf(slot, slot.id),
                  onStop: Effect.andThen(Effect.sleep(server.drain_delay), removeSocket(slot)),
                  // For requests that were sent to the socket before.
                  drainDelay: "100 millis"
                })
              )
        )
      })
      const routes = Layer.mergeAll(
        health.layer,
        info.layer({
          max_message_bytes: limits.maxMessageBytes,
          page_size,
          sessions_max: sessions.max,
          session_idle_ms: Duration.toMillis(sessions.idle_timeout),
          resume_window_ms: Duration.toMillis(sessions.resume_window)
        }),
        metrics.layer,
        usage.layer,
        stream.layer(limits),
        httpMetrics.layer(sessions.max),
        templateMetrics.layer,
        oauthCallback.layer,
        oauth.layer,
        restRoutes.layer
      )
      return served.pipe(
        Layer.provideMerge(Layer.unwrap(listeners)),
        Layer.provideMerge(routes),
        // The listener is released first, so that no request reaches a layer that was released.
        Layer.provideMerge(StreamableHttp.layer(limits)),
        Layer.provideMerge(LegacySse.layer(limits)),
        Layer.provideMerge(WebSocket.layer(limits)),
        Layer.provideMerge(chat(limits)),
        Layer.provideMerge(Tickets.layer),
        Layer.provideMerge(Layer.merge(progressChannel.layer, usageChannel.layer)),
        Layer.provideMerge(Channels.layer),
        Layer.provideMerge(
          Sessions.layer({
            max: sessions.max,
            idleTimeout: sessions.idle_timeout,
            resumeWindow: sessions.resume_window,
            replayEvents: sessions.replay_events,
            replaySize: sessions.replay_size,
            mostWaiting: sessions.max_waiting_bytes,
            unreadTimeout: sessions.unread_timeout
          })
        ),
        Layer.provideMerge(ReverseProxy.layer.pipe(Layer.provide(Dns.layer))),
        Layer.provideMerge(Layer.mergeAll(Routes.layer, Sites.layer, Domains.layer))
      )
    })
  )

/** The service over an `Authenticator` provided from outside. */
export const layerNoDeps = (overrides: Overrides = {}) => serviceOver(listening, overrides)

/** With the `Authenticator` of section `auth`. */
const authenticated = Layer.merge(Authenticator.layer, oauth.verifiers)

const serving = (overrides: Overrides) => layerNoDeps(overrides).pipe(Layer.provideMerge(authenticated))
const mounted = ({ host }: Pick<Overrides, "host">) =>
  serviceOver(handling, host === undefined ? {} : { host }).pipe(Layer.provideMerge(authenticated))

type Serving = ReturnType<typeof serving>
type Mounted = ReturnType<typeof mounted>

/** The HTTP service over a server; its own name, because its types are long. */
export interface HttpServiceLayer extends Layer.Layer<
  Layer.Success<Serving>,
  Layer.Error<Serving>,
  Layer.Services<Serving>
> {}

/** The same without a listener. */
export interface HttpHandlersLayer extends Layer.Layer<
  Layer.Success<Mounted>,
  Layer.Error<Mounted>,
  Layer.Services<Mounted>
> {}

/** The service with its own listener. */
export const layer = (overrides: Overrides = {}): HttpServiceLayer => serving(overrides)

/**
 * The service without a listener: `HttpHandlers` has `fetch` and `websocket` for a `Bun.serve` of the program. `host` is the
 * address on which that server listens, as in section `server`: one that is not loopback requires authentication.
 */
export const handlers = (options: Pick<Overrides, "host"> = {}): HttpHandlersLayer => mounted(options)
