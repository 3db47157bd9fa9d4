/** Notifies a client that a page of a URL elicitation was finished (MCP 2025-11-25; later revisions have no such message). */
import type { RequestId, Server } from "@modelcontextprotocol/server"

const revision = "2025-11-25"

/** `during`: the running request whose stream carries the message; by default the stream of the connection. */
export const notifyComplete = (server: Server, elicitationId: string, during?: RequestId): Promise<void> =>
  server.getNegotiatedProtocolVersion() !== revision ||
  server.getClientCapabilities()?.elicitation?.url === undefined
    ? Promise.resolve()
    : server.notification(
        { method: "notifications/elicitation/complete", params: { elicitationId } },
        during === undefined ? undefined : { relatedRequestId: during }
      )
