/** Options of a listener, and the observer of its requests. */
import type { Duration, Effect } from "effect"
import type { Connection, Routes } from "./Routes.ts"

/** Counts requests; called synchronously on the path of each. */
export interface RequestObserver {
  readonly began: () => void
  /** The response begins, `millis` after the request arrived; 101 for a WebSocket. */
  readonly answered: (method: string, status: number, millis: number) => void
}

/** A certificate and its private key, as PEM texts. */
export interface TlsCertificate {
  /** The certificate, followed by its intermediates. */
  readonly cert: string
  /** Without a passphrase. */
  readonly key: string
}

/** A certificate for one server name. */
export interface NamedCertificate extends TlsCertificate {
  /** Host name that clients send (SNI, RFC 6066, section 3), or `*.example.com` for the names one level below. */
  readonly serverName: string
}

/** The certificates of a listener by server name. */
export interface CertificateSet {
  /** For clients that send no name or an unknown one. */
  readonly fallback: TlsCertificate
  /** An exact name is preferred to a wildcard. */
  readonly named: ReadonlyArray<NamedCertificate>
}

/** One request that may be passed on, with what the listener knows about it. */
export interface Forwardable extends Connection {
  readonly request: Request
  /** The body limit, in bytes, that a body of unknown length exceeded. */
  readonly exceeded: number | undefined
  /** Set for a response whose challenge is complete. */
  ofSite: boolean
}
/** `undefined`: this process serves the request. Gets the request whose body is limited. */
export type Forward = (incoming: Forwardable) => ((request: Request) => Promise<Response>) | undefined

export interface ListenerOptions {
  /** Host name or IP address to bind. On a loopback address only loopback Hosts, allowed hosts and loopback Origins pass. */
  readonly hostname: string
  /** 0: any free port. */
  readonly port: number
  /** Largest request body of a route, and largest WebSocket message, in bytes. Larger ones get 413 and 1009. */
  readonly maxMessageBytes: number
  /** Largest request body of any site, in bytes; default `maxMessageBytes`, which is also its minimum. */
  readonly maxBodyBytes?: number
  /** Id of this service: requests with it are its own, and get 508. */
  readonly instance?: string
  /** Host allow-list of the routes, in addition to loopback names: `example.com`, `example.com:8443`. */
  readonly allowedHosts: ReadonlyArray<string>
  /** CORS: origins whose pages may read responses of the routes. */
  readonly corsOrigins: ReadonlyArray<string>
  /** Routes of this listener only, for hosts without a site. Default: the shared `Routes`. */
  readonly routes?: Routes["Service"]
  /**
   * Whether `Connection.loopback` may be true; default true. False behind a proxy or port forwarding, where every peer is
   * a loopback address.
   */
  readonly trustLoopback?: boolean
  /** Allows several listeners on one port, to replace a certificate without a gap; default false. */
  readonly reusePort?: boolean
  /** Other processes of this service listen on the port too, and the system gives each a part of the connections. */
  readonly shared?: boolean
  /** Responds to requests for routes that belong to another process of this service. */
  readonly forward?: Forward
  /** A Unix socket instead of a port, for requests that other processes of this service forward. */
  readonly socket?: string
  /**
   * Idle time-out while a request body or a response is pending; default 10 seconds. Bun checks every 4 seconds, and has
   * a fixed time-out of 10 seconds for idle connections and slow headers.
   */
  readonly idleTimeout?: Duration.Input
  /** Time-out for drains and running requests at shutdown; default 5 seconds. */
  readonly shutdownTimeout?: Duration.Input
  /** Run first at shutdown, before requests are rejected and routes drained. */
  readonly onStop?: Effect.Effect<void>
  /** Delay after `onStop` during which requests are still served, so that load balancers notice; default 0. */
  readonly drainDelay?: Duration.Input
  /** Adds HTTP/2 by ALPN. */
  readonly tls?: TlsCertificate | CertificateSet
  /**
   * Strict-Transport-Security (RFC 6797) in seconds, for sites as well; 0: no header. It is never sent for loopback names,
   * where it would apply to all other programs of this machine. Default with `tls`: a year, for routes.
   */
  readonly transportSecurity?: number
  /** Also serves HTTP/3 over UDP on the same port; requires `tls`. */
  readonly http3?: boolean
  readonly observer?: RequestObserver
  /** Completes the `WWW-Authenticate` header of a 401 or 403. */
  readonly challenge?: (
    given: string,
    request: Request,
    connection: Pick<Connection, "address" | "encrypted">
  ) => string
  /** Public origins of this service: their pages may call it, but not read responses of other origins. */
  readonly ownOrigins?: ReadonlyArray<string>
}
