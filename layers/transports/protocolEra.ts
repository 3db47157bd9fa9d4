/** Determines the protocol era of a POST: session (up to 2025-11-25) or stateless (2026-07-28). */
import {
  classifyInboundRequest,
  SUPPORTED_PROTOCOL_VERSIONS,
  type JSONRPCMessage
} from "@modelcontextprotocol/server"
import { isObject } from "../../src/domain/JsonObject.ts"
import type { Parsed } from "./jsonRpc.ts"

export const versionHeader = "mcp-protocol-version"
const protocolVersionKey = "io.modelcontextprotocol/protocolVersion"

/** Whether the envelope of a message claims the stateless era. */
export const isClaimed = (message: JSONRPCMessage | undefined): boolean => {
  if (message === undefined || !("method" in message)) return false
  const meta = message.params?._meta
  return isObject(meta) && protocolVersionKey in meta
}

const isInitialize = (message: JSONRPCMessage | undefined): boolean =>
  message !== undefined && "method" in message && message.method === "initialize"

/**
 * Stateless requests, and invalid ones, go to the SDK's handler. The two common forms are recognized here; the SDK
 * classifies all others, which validates the whole message.
 */
export const isStateless = ({ batch, messages }: Parsed, headers: Headers): boolean => {
  const [first] = messages
  // `initialize` belongs to sessions unless its whole envelope is valid, which the SDK checks.
  if (!batch && isClaimed(first) && !isInitialize(first)) return true
  const version = headers.get(versionHeader)
  const sessionVersion = version === null || SUPPORTED_PROTOCOL_VERSIONS.includes(version)
  if (sessionVersion && headers.has("mcp-session-id") && !messages.some(isClaimed)) return false
  const outcome = classifyInboundRequest({
    httpMethod: "POST",
    ...(version !== null && { protocolVersionHeader: version }),
    mcpMethodHeader: headers.get("mcp-method") ?? undefined,
    mcpNameHeader: headers.get("mcp-name") ?? undefined,
    body: batch ? messages : messages[0]
    // The SDK's type does not have `undefined` for an absent header.
  } as Parameters<typeof classifyInboundRequest>[0])
  return outcome.kind !== "legacy"
}
