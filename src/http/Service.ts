/** The HTTP service as one layer: listener, MCP on every HTTP transport; and a refusal to start where that is unsafe. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { Listener } from "../../layers/platform/Listener.ts"
import { Routes } from "../../layers/platform/Routes.ts"
import { Channels } from "../../layers/transports/Channels.ts"
import * as LegacySse from "../../layers/transports/LegacySse.ts"
import { Sessions } from "../../layers/transports/Sessions.ts"
import * as StreamableHttp from "../../layers/transports/StreamableHttp.ts"
import * as WebSocket from "../../layers/transports/WebSocket.ts"
import * as progress from "./progress.ts"
import * as sections from "./sections.ts"

/** What the command line may say over the configuration. */
export interface Overrides {
  readonly host?: string
  readonly port?: number
}

export const layer = (overrides: Overrides = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const authenticator = yield* Authenticator
      const server = { ...(yield* config.read(sections.server)), ...overrides }
      const { sessions } = yield* config.read(sections.mcp)
      yield* authenticator.requireFor(server.host)
      const limits = {
        maxMessageBytes: server.max_message_bytes,
        max: sessions.max,
        mostWaiting: sessions.max_waiting_bytes
      }
      return Listener.layer({
        hostname: server.host,
        port: server.port,
        maxMessageBytes: server.max_message_bytes,
        allowedHosts: server.allowed_hosts,
        corsOrigins: server.cors_origins,
        idleTimeout: server.idle_timeout,
        shutdownTimeout: server.shutdown_timeout
      }).pipe(
        // The listener goes first, so that nobody is served by what is being taken down.
        Layer.provideMerge(StreamableHttp.layer({ maxMessageBytes: server.max_message_bytes })),
        Layer.provideMerge(LegacySse.layer(limits)),
        Layer.provideMerge(WebSocket.layer(limits)),
        Layer.provideMerge(progress.layer),
        Layer.provideMerge(Channels.layer),
        Layer.provideMerge(
          Sessions.layer({
            max: sessions.max,
            idleTimeout: sessions.idle_timeout,
            resumeWindow: sessions.resume_window,
            replayEvents: sessions.replay_events,
            replaySize: sessions.replay_size,
            mostWaiting: sessions.max_waiting_bytes
          })
        ),
        Layer.provideMerge(Routes.layer)
      )
    })
  ).pipe(Layer.provideMerge(Authenticator.layer))
