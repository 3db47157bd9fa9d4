/** Interface between transports and the program: an MCP server for each connection or request. */
import { Context, type Effect } from "effect"
import type {
  JSONRPCRequest,
  RequestId,
  Server,
  ServerCapabilities,
  ServerEventBus
} from "@modelcontextprotocol/server"
import type { Failure } from "../../src/domain/Failure.ts"
import type { Principal } from "../../src/domain/Principal.ts"
import type { RpcResponse } from "./jsonRpc.ts"

/** Origin of one received message. */
export interface Inbound {
  /** Authenticated with this message or with its connection. */
  readonly principal: Principal
  /** The id of the HTTP request that carried the message; absent on other transports. */
  readonly requestId?: string | undefined
  readonly headers?: Headers | undefined
  /** The session of the message, on transports with sessions. */
  readonly session?: string | undefined
  /** Ends the HTTP response while the call continues; only where the client can resume. */
  readonly release?: (() => void) | undefined
  /**
   * Calls the function when the credential of the message expires or is revoked; the returned one removes it. Absent where
   * the transport itself ends the request then.
   */
  readonly onEnded?: ((interrupt: () => void) => () => void) | undefined
  /** The same for work that outlives the request and its connection. Absent where credentials do not end. */
  readonly onGrantEnded?: ((interrupt: () => void) => () => void) | undefined
}

/** Takes the response to one request, once; `failure` has the HTTP status and headers of the error. */
export type Respond = (response: RpcResponse, failure?: Failure) => void

/** An MCP server of the session era for one connection. */
export interface SessionServer {
  /** The SDK's server: the transport connects it and passes it the requests for which `serve` returned false. */
  readonly server: Server
  /**
   * Serves a request of the catalog without the SDK's generic path; false: the request is for the SDK's server. There is
   * no response once the connection is closed.
   */
  readonly serve: (request: JSONRPCRequest, inbound: Inbound, respond: Respond) => boolean
  /** Interrupts a request for which `serve` returned true; the caller sends the response. */
  readonly cancel: (id: RequestId) => void
}

/** One stateless HTTP request, and the callback of its handler. */
export interface StatelessRequest extends Inbound {
  readonly headers: Headers
  readonly method: string
  /** Called when the request was rejected before it was served, to set the HTTP status. */
  readonly onRejected: (failure: Failure) => void
}

/** Where the response to a stateless request goes. */
export interface Exchange {
  /** Whether the client no longer waits for the response. */
  readonly gone: () => boolean
  /** Sends a notification, as JSON, before the response. */
  readonly notify: (message: string) => void
  readonly respond: Respond
}

export class McpServers extends Context.Service<
  McpServers,
  {
    /** Capabilities of every server. */
    readonly capabilities: ServerCapabilities
    /** A server for one session-era connection or session (up to 2025-11-25), notified of changes until it is closed. */
    readonly forSession: (principal: Principal) => SessionServer
    /**
     * A server for a long-lived connection whose protocol era the SDK determines (2026-07-28 without HTTP, or no
     * handshake). `inboundOf` is the origin of a running request.
     */
    readonly forConnection: (principal: Principal, inboundOf: (id: RequestId) => Inbound) => Server
    /** A server for one stateless request over HTTP (MCP 2026-07-28). */
    readonly forRequest: (request: StatelessRequest) => Server
    /**
     * Serves a request of the catalog without the SDK's generic path, and returns a function that interrupts it. `undefined`:
     * the request is for a server of `forRequest`.
     */
    readonly serveRequest: (
      message: JSONRPCRequest,
      request: StatelessRequest,
      exchange: Exchange
    ) => (() => void) | undefined
    /** Checks the headers that mirror arguments of a 2026-07-28 request (`Mcp-Param-*`). */
    readonly checkHeaders: (
      principal: Principal,
      message: unknown,
      headers: Headers
    ) => Effect.Effect<Failure | undefined>
    /** Publishes changes that are visible to the principal, for subscribers of `subscriptions/listen`. */
    readonly bus: (principal: Principal) => ServerEventBus
  }
>()("manifold/transports/McpServers") {}
