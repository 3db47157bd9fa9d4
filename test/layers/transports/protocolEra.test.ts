/** The protocol era of a POST: the fast classification agrees with the SDK's. */
import { expect, test } from "bun:test"
import { classifyInboundRequest } from "@modelcontextprotocol/server"
import fc from "fast-check"
import { isStateless } from "../../../layers/transports/protocolEra.ts"
import { fromValue, MessageRejection } from "../../../layers/transports/jsonRpc.ts"

const envelope = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {}
}
const meta = fc.constantFrom(
  undefined,
  {},
  { progressToken: 1 },
  envelope,
  { "io.modelcontextprotocol/protocolVersion": "2025-11-25" },
  { "io.modelcontextprotocol/protocolVersion": 5 }
)
const params = fc.record({ name: fc.constant("x"), _meta: meta }, { requiredKeys: [] })
const message = fc.oneof(
  fc.record(
    {
      jsonrpc: fc.constant("2.0"),
      id: fc.nat(5),
      method: fc.constantFrom("initialize", "tools/call", "ping", "server/discover"),
      params
    },
    { requiredKeys: ["jsonrpc", "id", "method"] }
  ),
  fc.record(
    { jsonrpc: fc.constant("2.0"), method: fc.constant("notifications/cancelled"), params },
    {
      requiredKeys: ["jsonrpc", "method"]
    }
  ),
  fc.record({ jsonrpc: fc.constant("2.0"), id: fc.nat(5), result: fc.constant({}) })
)
const headers = fc.record(
  {
    "mcp-session-id": fc.constant("s"),
    "mcp-protocol-version": fc.constantFrom("2025-11-25", "2025-06-18", "2026-07-28", "1999-01-01"),
    "mcp-method": fc.constantFrom("tools/call", "ping")
  },
  { requiredKeys: [] }
)

test("the era is that of the SDK's classification, for any message", () => {
  fc.assert(
    fc.property(
      fc.oneof(message, fc.array(message, { minLength: 1, maxLength: 3 })),
      headers,
      (body, given) => {
        const parsed = fromValue(structuredClone(body))
        if (parsed instanceof MessageRejection) return
        const { kind } = classifyInboundRequest({
          httpMethod: "POST",
          ...(given["mcp-protocol-version"] !== undefined && {
            protocolVersionHeader: given["mcp-protocol-version"]
          }),
          ...(given["mcp-method"] !== undefined && { mcpMethodHeader: given["mcp-method"] }),
          body: parsed.batch ? parsed.messages : parsed.messages[0]
        })
        expect(isStateless(parsed, new Headers(given as Record<string, string>))).toBe(kind !== "legacy")
      }
    ),
    { numRuns: 2000 }
  )
})
