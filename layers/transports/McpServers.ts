/** What a transport needs of the program that it carries: an MCP server for each connection or request. */
import { Context } from "effect"
import type { Server, ServerCapabilities, ServerEventBus } from "@modelcontextprotocol/server"
import type { Principal } from "../../src/domain/Principal.ts"

/** Why a request is refused before a server sees it, as a JSON-RPC error with an HTTP status. */
export interface Refusal {
  readonly status: number
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export class McpServers extends Context.Service<
  McpServers,
  {
    /** What every server here can do. */
    readonly capabilities: ServerCapabilities
    /** A server for one long-lived connection or session; it hears of changes until it is closed. */
    readonly forConnection: (principal: Principal) => Server
    /** A server for one stateless request (MCP 2026-07-28); `method` is the request's. */
    readonly forRequest: (principal: Principal, method: string) => Server
    /** Checks the headers that must repeat parts of a 2026-07-28 request's body (`Mcp-Param-*`). */
    readonly refuse: (principal: Principal, message: unknown, headers: Headers) => Refusal | undefined
    /** Announces changes to the subscribers of `subscriptions/listen`. */
    readonly bus: ServerEventBus
  }
>()("manifold/transports/McpServers") {}
