/** What a transport needs of the program that it carries: an MCP server for each connection or request. */
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

/** What a transport knows of one message that it received. */
export interface Inbound {
  /** Authenticated with this message, or with the connection that carries it. */
  readonly principal: Principal
  /** The id of the HTTP request that carried the message; absent where messages have no request of their own. */
  readonly requestId?: string | undefined
  readonly headers?: Headers | undefined
  /** The session that the message belongs to, where the transport has sessions. */
  readonly session?: string | undefined
  /** Ends the HTTP response while the call runs on; only where the client can come back for the rest. */
  readonly release?: (() => void) | undefined
}

/** Takes the response to one request, once; `failure` says how HTTP puts the error. */
export type Respond = (response: RpcResponse, failure?: Failure) => void

/** An MCP server of the session era for one connection. */
export interface SessionServer {
  /** The SDK's server: the transport connects it, and passes on what `serve` did not take. */
  readonly server: Server
  /**
   * Serves a request of the catalog without the SDK's generic path; false: the request is for the SDK's server.
   * A request that waits is answered later, and not at all once the connection is closed.
   */
  readonly serve: (request: JSONRPCRequest, inbound: Inbound, respond: Respond) => boolean
  /** Interrupts a request that `serve` took; the caller answers it. */
  readonly cancel: (id: RequestId) => void
}

/** What arrived with one stateless request over HTTP, and what its handler reports back. */
export interface StatelessRequest extends Inbound {
  readonly method: string
  /** Called when the request was rejected before it was served, so that HTTP can say so. */
  readonly onRejected: (failure: Failure) => void
}

export class McpServers extends Context.Service<
  McpServers,
  {
    /** What every server here can do. */
    readonly capabilities: ServerCapabilities
    /** A server for one connection or session of the eras up to 2025-11-25, notified of changes until it is closed. */
    readonly forSession: (principal: Principal) => SessionServer
    /**
     * A server for a long-lived connection whose era the SDK settles (2026-07-28 without HTTP, or no handshake).
     * `inboundOf` says what a running request arrived with.
     */
    readonly forConnection: (principal: Principal, inboundOf: (id: RequestId) => Inbound) => Server
    /** A server for one stateless request over HTTP (MCP 2026-07-28). */
    readonly forRequest: (request: StatelessRequest) => Server
    /** Checks the headers that must repeat arguments of a 2026-07-28 request (`Mcp-Param-*`). */
    readonly checkHeaders: (
      principal: Principal,
      message: unknown,
      headers: Headers
    ) => Effect.Effect<Failure | undefined>
    /** Publishes the changes that concern the principal, for the subscribers of `subscriptions/listen`. */
    readonly bus: (principal: Principal) => ServerEventBus
  }
>()("manifold/transports/McpServers") {}
