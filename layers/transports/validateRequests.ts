/** Validates new requests of a connection: ids must be unique among running requests, batches only in 2025-03-26. */
import type { JSONRPCRequest, RequestId } from "@modelcontextprotocol/server"
import { invalidRequest } from "../../src/domain/errorCodes.ts"
import { batchRevision, isRequest, MessageRejection, type Parsed } from "./jsonRpc.ts"

/** The requests among the messages, or the rejection of all of them. `version` is the negotiated revision. */
export const validateRequests = (
  { batch, messages }: Parsed,
  version: string | undefined,
  isRunning: (id: RequestId) => boolean
): ReadonlyArray<JSONRPCRequest> | MessageRejection => {
  if (batch && version !== batchRevision) {
    const ids = messages.filter(isRequest).map(({ id }) => id)
    return new MessageRejection(invalidRequest, `Batches are supported in MCP ${batchRevision} only.`, ids)
  }
  const requests: Array<JSONRPCRequest> = []
  for (const message of messages) {
    if (!isRequest(message)) continue
    // Two requests with one id could not be distinguished or cancelled.
    if (isRunning(message.id) || requests.some(({ id }) => id === message.id)) {
      const ids = messages.filter(isRequest).map(({ id }) => id)
      return new MessageRejection(
        invalidRequest,
        `A request with the id ${message.id} is already running.`,
        ids
      )
    }
    requests.push(message)
  }
  return requests
}
