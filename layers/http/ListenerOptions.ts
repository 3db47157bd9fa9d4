/** Options of a listener, and the observer of its requests. */
import type { Duration, Effect } from "effect"
import type { Routes } from "./Routes.ts"

/** Counts requests; called synchronously on the path of each. */
export interface RequestObserver {
  readonly began: () => void
  /** The response begins, after so many milliseconds; 101 for a WebSocket. */
  readonly answered: (method: string, status: number, millis: number) => void
}

export interface ListenerOptions {
  /** Name or IP address to bind. Whether it is a loopback one decides the host allow-list and which Origins pass. */
  readonly hostname: string
  /** 0 takes a free one. */
  readonly port: number
  /** Largest request body of a route, and largest WebSocket message, in bytes; beyond it 413 and 1009. */
  readonly maxMessageBytes: number
  /** Largest request body of any site, in bytes; default `maxMessageBytes`, which is also its minimum. */
  readonly maxBodyBytes?: number
  /** Host names under which clients may reach the routes, besides loopback ones: `example.com`, `example.com:8443`. */
  readonly allowedHosts: ReadonlyArray<string>
  /** Origins whose pages may read responses of the routes. */
  readonly corsOrigins: ReadonlyArray<string>
  /** Routes of this listener alone, for hosts that no site has; default the shared `Routes`. */
  readonly routes?: Routes["Service"]
  /**
   * Whether `Connection.loopback` may be true; default true. False for a listener behind a proxy or port forwarding, where
   * a loopback peer says nothing about the client.
   */
  readonly trustLoopback?: boolean
  /** Allows several listeners on one port, to replace a certificate without a gap; default false. */
  readonly reusePort?: boolean
  /**
   * How long a connection may be silent while a body or a response is awaited; default 10 seconds. Bun checks every 4
   * seconds, and has its own 10 seconds for silent connections and slow headers.
   */
  readonly idleTimeout?: Duration.Input
  /** How long drains and running requests may take when the listener stops; default 5 seconds. */
  readonly shutdownTimeout?: Duration.Input
  /** Run first when the listener stops, before any rejection and drain. */
  readonly onStop?: Effect.Effect<void>
  /** How long everything is still served after `onStop`, for load balancers to notice; default 0. */
  readonly drainDelay?: Duration.Input
  /** PEM. Adds HTTP/2 by ALPN. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Whether HTTP/3 is served on the same port over UDP as well; only with `tls`. */
  readonly http3?: boolean
  readonly observer?: RequestObserver
}
