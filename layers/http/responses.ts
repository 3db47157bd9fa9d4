/** How the listener itself says no: JSON-RPC's error form, which MCP clients read and everybody else understands. */

const headers = { "content-type": "application/json" }

/** `message` goes to the client. The code is JSON-RPC's first one for servers, as in MCP 2025-11-25, transports. */
export const refuse = (status: number, message: string, more: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ jsonrpc: "2.0", error: { code: -32000, message }, id: null }), {
    status,
    headers: { ...headers, ...more }
  })
