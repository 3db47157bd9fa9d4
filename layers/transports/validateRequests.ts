/** The ids of a connection's running requests: an id may be in use once, and a batch is taken whole or not at all. */
import type { JSONRPCRequest, RequestId } from "@modelcontextprotocol/server"
import { invalidRequest } from "../../src/domain/errorCodes.ts"
import { batchRevision, isRequest, MessageRejection, type Parsed } from "./jsonRpc.ts"

/** The requests among the messages, or why none of the messages is taken. `version` is the one negotiated. */
export const validateRequests = (
  { batch, messages }: Parsed,
  version: string | undefined,
  isRunning: (id: RequestId) => boolean
): ReadonlyArray<JSONRPCRequest> | MessageRejection => {
  if (batch && version !== batchRevision) {
    const ids = messages.filter(isRequest).map(({ id }) => id)
    return new MessageRejection(invalidRequest, `Batches are part of MCP ${batchRevision} only.`, ids)
  }
  const requests: Array<JSONRPCRequest> = []
  for (const message of messages) {
    if (!isRequest(message)) continue
    // Two with one id could not be told apart, nor cancelled.
    if (isRunning(message.id) || requests.some(({ id }) => id === message.id)) {
      const ids = messages.filter(isRequest).map(({ id }) => id)
      return new MessageRejection(
        invalidRequest,
        `A request with the id ${message.id} is running already.`,
        ids
      )
    }
    requests.push(message)
  }
  return requests
}
